"""What went wrong in the database, by SQLSTATE, in words that a client may see: no SQL, no values, no hosts."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

from .sqlstates import SQLState, SQLStateClass

RETRY_AFTER = 1


class DatabaseUnavailable(Exception):
    """The program cannot start: its text says in one sentence why."""


class NotFoundError(Exception):
    """No row of `model` has this `key`, or matches a statement: then `key` is None.

    Clients see the text. It does not show the values of a statement, because one may be a secret.
    """

    def __init__(self, model: type[Any], key: object = None) -> None:
        super().__init__(f"{model.__name__}{'' if key is None else f' {key}'} does not exist.")
        self.model = model
        self.key = key


class InvalidCursorError(Exception):
    """The cursor of a page was not made by this service for this order."""


@dataclass(frozen=True)
class ErrorResponse:
    """An error as the client is told of it. With `retry_after`, in seconds, the same request may succeed later."""

    status: int
    detail: str
    constraint: str | None = None
    retry_after: int | None = None


UNAVAILABLE = ErrorResponse(503, "The database is not available.", retry_after=RETRY_AFTER)

BUSY = ErrorResponse(503, "Too many others changed the same rows.", retry_after=RETRY_AFTER)

# The whole SQLSTATE has precedence over its class.
ERROR_RESPONSES: dict[str, ErrorResponse] = {
    SQLState.UNIQUE_VIOLATION: ErrorResponse(409, "A row with this value exists already."),
    SQLState.FOREIGN_KEY_VIOLATION: ErrorResponse(
        409, "The row refers to one that does not exist, or is still referred to."
    ),
    SQLState.RESTRICT_VIOLATION: ErrorResponse(409, "The row is still referred to."),
    SQLState.EXCLUSION_VIOLATION: ErrorResponse(409, "The row conflicts with one that exists."),
    SQLState.NOT_NULL_VIOLATION: ErrorResponse(422, "A value is missing."),
    SQLState.CHECK_VIOLATION: ErrorResponse(422, "A value is not allowed."),
    SQLStateClass.DATA_EXCEPTION: ErrorResponse(422, "A value does not fit its column."),
    SQLState.SERIALIZATION_FAILURE: BUSY,
    SQLState.DEADLOCK_DETECTED: BUSY,
    SQLState.LOCK_NOT_AVAILABLE: ErrorResponse(503, "The rows are locked.", retry_after=RETRY_AFTER),
    SQLState.QUERY_CANCELED: ErrorResponse(504, "The database took too long."),
    SQLState.READ_ONLY_SQL_TRANSACTION: UNAVAILABLE,
    SQLState.IDLE_IN_TRANSACTION_SESSION_TIMEOUT: UNAVAILABLE,
    SQLStateClass.CONNECTION_EXCEPTION: UNAVAILABLE,
    SQLStateClass.INVALID_AUTHORIZATION: UNAVAILABLE,
    SQLStateClass.INSUFFICIENT_RESOURCES: UNAVAILABLE,
    SQLStateClass.OPERATOR_INTERVENTION: UNAVAILABLE,
}


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def constraint_name(error: DBAPIError) -> str | None:
    return getattr(error.driver_exception, "constraint_name", None)


def describe(error: SQLAlchemyError) -> ErrorResponse | None:
    """The response behind an error, or None where the error is a bug of the program."""
    if isinstance(error, PoolTimeoutError):
        return ErrorResponse(503, "All database connections are busy.", retry_after=RETRY_AFTER)
    if isinstance(error, StaleDataError):
        return ErrorResponse(409, "The row was changed by somebody else in the meantime.")
    if not isinstance(error, DBAPIError):
        return None
    state = sqlstate(error) or ""
    response = ERROR_RESPONSES.get(state) or ERROR_RESPONSES.get(state[:2])
    if response is None:
        return UNAVAILABLE if error.connection_invalidated else None
    return ErrorResponse(response.status, response.detail, constraint_name(error), response.retry_after)
