"""Read sessions, which use AUTOCOMMIT and hold a connection only while a statement runs."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Executable, TextClause, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session, SessionTransactionOrigin
from sqlalchemy.pool import ConnectionPoolEntry

from .connection_quota import QuotaSession

# Writes in text(). It does not find a function in a SELECT that writes, or a CTE that does.
WRITE = re.compile(r"\s*(ALTER|CREATE|DELETE|DROP|INSERT|MERGE|TRUNCATE|UPDATE)\b", re.IGNORECASE)


class ReadOnlySession(QuotaSession):
    """A session that reads in one round trip for each statement and refuses to write.

    It returns its connection after each statement. If the caller begins a transaction, with `connection()` or
    `begin()`, the session keeps the connection until the transaction ends.
    """

    in_autocommit = False

    def execute(self, *args: Any, **options: Any) -> Any:
        return self.return_connection_after(super().execute, *args, **options)

    def scalar(self, *args: Any, **options: Any) -> Any:
        return self.return_connection_after(super().scalar, *args, **options)

    def scalars(self, *args: Any, **options: Any) -> Any:
        return self.return_connection_after(super().scalars, *args, **options)

    def return_connection_after(self, run: Callable[..., Any], *args: Any, **options: Any) -> Any:
        transaction = self.get_transaction()
        if transaction is None or (
            transaction.origin is SessionTransactionOrigin.AUTOBEGIN and not transaction.connections
        ):
            if options.get("execution_options", {}).get("stream_results"):
                raise InvalidRequestError(
                    'A stream needs a transaction: open it with read_scope(isolation_level="REPEATABLE READ").'
                )
            try:
                return run(*args, **options)
            finally:
                # close() instead of commit(), because there is nothing to tell the server after a read.
                if (transaction := self.get_transaction()) is not None:
                    transaction.close()
        # It runs inside another statement, such as the second query of selectinload, or inside a transaction.
        return run(*args, **options)

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **options: Any) -> Any:
        written = isinstance(clause, TextClause) and WRITE.match(clause.text)
        if written or (isinstance(clause, Executable) and clause.is_dml):
            refuse_write()
        return super().get_bind(mapper, clause=clause, **options)


@event.listens_for(ReadOnlySession, "before_flush")
def refuse_write(*_: Any) -> None:
    raise InvalidRequestError("A read session cannot write. Use DbSession, or session_scope() outside a request.")


@event.listens_for(ReadOnlySession, "after_begin")
def start_autocommit(session: ReadOnlySession, _: Any, connection: Connection) -> None:
    """Switch AUTOCOMMIT on in the driver, because SQLAlchemy's isolation_level takes as much CPU per read as BEGIN."""
    # Skip this in a test's transaction, on SQLite, and where the caller chose an isolation level.
    session.in_autocommit = (
        session.bind is not connection
        and connection.dialect.name == "postgresql"
        and "isolation_level" not in connection.get_execution_options()
    )
    if session.in_autocommit:
        dbapi_connection: Any = connection.connection.dbapi_connection
        dbapi_connection.autocommit = True


def end_autocommit(dbapi_connection: Any, _: ConnectionPoolEntry) -> None:
    """Undo `start_autocommit` when the connection returns to the pool."""
    if dbapi_connection is not None:  # None: the connection broke
        dbapi_connection.autocommit = False


def is_read_in_autocommit(session: Session) -> bool:
    return isinstance(session, ReadOnlySession) and session.in_autocommit
