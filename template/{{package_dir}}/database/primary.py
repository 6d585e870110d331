"""Statements on the primary, for what a replica may not know yet, such as a revocation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.util import greenlet_spawn

from .connection_quota import current_quota
from .session import Database


@asynccontextmanager
async def primary_scope(database: Database) -> AsyncIterator[AsyncSession]:
    """Like `read_scope`, but never from `DATABASE_READ_URL`."""
    async with database._read_session(bind=database._bind) as db:
        yield db


async def run_on_primary(database: Database, statement: Executable, parameters: dict[str, Any]) -> Row[Any] | None:
    """Run a statement that commits on its own, and return its row: one round trip, and half the CPU that a session takes.

    Raises InvalidRequestError while a session of the request has a transaction open.
    """
    if (quota := current_quota()) is not None:
        quota.refuse_second_connection()
    if isinstance(database._bind, AsyncConnection):  # the transaction of a test
        async with database._bind.begin_nested():
            return await database._bind.run_sync(run, statement, parameters)
    return await greenlet_spawn(run_in_autocommit, database._bind.sync_engine, statement, parameters)


def run_in_autocommit(engine: Engine, statement: Executable, parameters: dict[str, Any]) -> Row[Any] | None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # As in a read session: the driver sends no BEGIN and no COMMIT. The pool switches it off.
            dbapi_connection: Any = connection.connection.dbapi_connection
            dbapi_connection.autocommit = True
        return run(connection, statement, parameters)


def run(connection: Connection, statement: Executable, parameters: dict[str, Any]) -> Row[Any] | None:
    result = connection.execute(statement, parameters)
    return result.first() if result.returns_rows else None
