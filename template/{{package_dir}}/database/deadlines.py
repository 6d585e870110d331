"""How long statements may run, on the server and in the client.

The server cancels a statement after `statement_timeout`. A frozen or unreachable server cannot, so the client waits
a little longer and then drops the connection. It sends no cancel request, because that would hang, too.
"""

from typing import Any

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.pool import ConnectionPoolEntry

from .connection_quota import holds_connection
from .read_session import ReadOnlySession

MAX_MARGIN = 5
"""How many seconds at most the client waits after the server should have cancelled the statement."""


def client_timeout(statement_timeout: float) -> float | None:
    """Return the client's limit: 1.5 times the server's, at most MAX_MARGIN longer. None if the server has none."""
    if not statement_timeout:
        return None
    return statement_timeout + min(statement_timeout / 2, MAX_MARGIN)


def milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


async def set_statement_timeout(db: AsyncSession | AsyncConnection, seconds: float) -> None:
    """Let each statement of this transaction run for `seconds`. 0 removes the limit. Takes one round trip.

    In a migration: `op.run_async(set_statement_timeout, seconds)`. Raises InvalidRequestError in a read session that is
    not in a transaction, because the next statement may be on another connection.
    """
    if isinstance(db, AsyncSession):
        session = db.sync_session
        if isinstance(session, ReadOnlySession) and (session.in_autocommit or not holds_connection(session)):
            raise InvalidRequestError(
                'A timeout needs a transaction: open it with read_scope(isolation_level="REPEATABLE READ").'
            )
        db = await db.connection()
    await db.run_sync(apply_statement_timeout, seconds)


def apply_statement_timeout(connection: Connection, seconds: float) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds(seconds)}")
        driver: Any = connection.connection.driver_connection
        connection.info.setdefault("client_timeout", driver._config.command_timeout)
        set_client_timeout(driver, client_timeout(seconds))


def restore_client_timeout(_: Any, entry: ConnectionPoolEntry) -> None:
    """Restore the client's limit when the connection returns to the pool. The server's ends with the transaction."""
    if "client_timeout" in entry.info and entry.driver_connection is not None:
        set_client_timeout(entry.driver_connection, entry.info.pop("client_timeout"))


def set_client_timeout(driver: Any, seconds: float | None) -> None:
    # asyncpg takes it as an argument of connect(), and has no public way to change it later.
    driver._config = driver._config._replace(command_timeout=seconds)


def treat_timeout_as_canceled(context: ExceptionContext) -> OperationalError | None:
    """Map asyncpg's TimeoutError to an error with an SQLSTATE, as if the server had cancelled the statement.

    If the statement is COMMIT, its outcome is unknown.
    """
    if not isinstance(context.original_exception, TimeoutError) or context.connection is None:
        return None
    driver: Any = context.connection.connection.driver_connection
    seconds = driver._config.command_timeout
    if seconds is None:
        return None
    driver.terminate()  # otherwise SQLAlchemy would wait two seconds to cancel and close
    error = asyncpg.QueryCanceledError(f"the server did not answer within {seconds:g} s")
    return OperationalError(
        context.statement,
        context.parameters,
        context.dialect.loaded_dbapi.OperationalError(str(error), error),
        hide_parameters=context.engine is not None and context.engine.hide_parameters,
        connection_invalidated=True,
    )
