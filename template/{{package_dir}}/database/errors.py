"""Database errors and the responses they become, by SQLSTATE. Responses never show SQL, values or hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

from .sqlstates import SQLState, SQLStateClass

RETRY_LATER = {"Retry-After": "1"}


class DatabaseUnavailable(Exception):
    """The database cannot be used at startup. The message is one sentence for the person who starts the program."""


class NotFoundError(Exception):
    """No row of `model` has this `key`. If no row matched a statement, `key` is None.

    Clients see the message, so it never shows the values of a statement, which may be secret.
    """

    def __init__(self, model: type[Any], key: object = None) -> None:
        super().__init__(f"{model.__name__}{'' if key is None else f' {key}'} does not exist.")
        self.model = model
        self.key = key


class InvalidCursorError(Exception):
    """The cursor was not issued for this list."""


@dataclass(frozen=True)
class ErrorResponse:
    """An error as a client sees it, in any format."""

    status: int
    detail: str
    constraint: str | None = None
    """The constraint that refused the row."""
    errors: list[dict[str, Any]] | None = None
    """The validation errors, each with `loc`, `msg` and `type`."""
    headers: Mapping[str, str] = field(default_factory=dict)


UNAVAILABLE = ErrorResponse(503, "The database is not available.", headers=RETRY_LATER)
CONTENTION = ErrorResponse(503, "Too many requests changed the same rows.", headers=RETRY_LATER)

# An SQLSTATE takes precedence over its class.
ERROR_RESPONSES: dict[str, ErrorResponse] = {
    SQLState.UNIQUE_VIOLATION: ErrorResponse(409, "A row with this value already exists."),
    SQLState.FOREIGN_KEY_VIOLATION: ErrorResponse(409, "The row references a missing row, or is still referenced."),
    SQLState.RESTRICT_VIOLATION: ErrorResponse(409, "The row is still referenced."),
    SQLState.EXCLUSION_VIOLATION: ErrorResponse(409, "The row conflicts with an existing row."),
    SQLState.CHECK_VIOLATION: ErrorResponse(422, "A value is not allowed."),
    SQLStateClass.DATA_EXCEPTION: ErrorResponse(422, "A value does not fit its column."),
    SQLState.SERIALIZATION_FAILURE: CONTENTION,
    SQLState.DEADLOCK_DETECTED: CONTENTION,
    SQLState.LOCK_NOT_AVAILABLE: ErrorResponse(503, "The rows are locked.", headers=RETRY_LATER),
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


def database_error_response(error: SQLAlchemyError) -> ErrorResponse | None:
    """Return the response to an error, or None if the error is a bug in the program."""
    if isinstance(error, PoolTimeoutError):
        return ErrorResponse(503, "All database connections are busy.", headers=RETRY_LATER)
    if isinstance(error, StaleDataError):
        return ErrorResponse(409, "The row was changed by another request in the meantime.")
    if not isinstance(error, DBAPIError):
        return None
    state = sqlstate(error) or ""
    if state.startswith(SQLStateClass.DATA_EXCEPTION) and not error.params:
        return None  # a statement without parameters contains no value from a client
    response = ERROR_RESPONSES.get(state) or ERROR_RESPONSES.get(state[:2])
    if response is None:
        return UNAVAILABLE if error.connection_invalidated else None
    return replace(response, constraint=constraint_name(error))
