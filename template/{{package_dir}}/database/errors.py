"""What went wrong in the database, by SQLSTATE, in words that a client may see: no SQL, no values, no hosts."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

RETRY_AFTER = 1


class DatabaseUnavailable(Exception):
    """The program cannot start: its text says in one sentence why."""


class NotFoundError(Exception):
    """No row has this key."""

    def __init__(self, model: type[Any], key: object) -> None:
        super().__init__(f"{model.__name__} {key} does not exist.")


class InvalidCursorError(Exception):
    """The cursor of a page was not made by this service for this order."""


@dataclass(frozen=True)
class Fault:
    """An error as the client is told of it. With `retry_after`, in seconds, the same request may succeed later."""

    status: int
    detail: str
    constraint: str | None = None
    retry_after: int | None = None


UNAVAILABLE = Fault(503, "The database is not available.", retry_after=RETRY_AFTER)

# The whole SQLSTATE first, then its class. https://www.postgresql.org/docs/current/errcodes-appendix.html
FAULTS = {
    "23505": Fault(409, "A row with this value exists already."),
    "23503": Fault(409, "The row refers to one that does not exist, or is still referred to."),
    "23001": Fault(409, "The row is still referred to."),
    "23P01": Fault(409, "The row conflicts with one that exists."),
    "23502": Fault(422, "A value is missing."),
    "23514": Fault(422, "A value is not allowed."),
    "22": Fault(422, "A value does not fit its column."),
    "40001": Fault(503, "Too many others changed the same rows.", retry_after=RETRY_AFTER),
    "40P01": Fault(503, "Too many others changed the same rows.", retry_after=RETRY_AFTER),
    "55P03": Fault(503, "The rows are locked.", retry_after=RETRY_AFTER),
    "57014": Fault(504, "The database took too long."),
    "08": UNAVAILABLE,
    "25006": UNAVAILABLE,
    "25P03": UNAVAILABLE,
    "28": UNAVAILABLE,
    "53": UNAVAILABLE,
    "57": UNAVAILABLE,
}


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def constraint_name(error: DBAPIError) -> str | None:
    return getattr(error.driver_exception, "constraint_name", None)


def describe(error: SQLAlchemyError) -> Fault | None:
    """The fault behind an error, or None where the error is a bug of the program."""
    if isinstance(error, PoolTimeoutError):
        return Fault(503, "All database connections are busy.", retry_after=RETRY_AFTER)
    if isinstance(error, StaleDataError):
        return Fault(409, "The row was changed by somebody else in the meantime.")
    if not isinstance(error, DBAPIError):
        return None
    state = sqlstate(error) or ""
    fault = FAULTS.get(state) or FAULTS.get(state[:2])
    if fault is None:
        return UNAVAILABLE if error.connection_invalidated else None
    return Fault(fault.status, fault.detail, constraint_name(error), fault.retry_after)
