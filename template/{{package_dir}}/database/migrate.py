"""Run migrations one at a time, without blocking the service for long."""

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from .errors import sqlstate
from .settings import DatabaseSettings
from .sqlstates import SQLState
from .startup import open_db

logger = logging.getLogger(__name__)

# The key of the advisory lock that every migration takes: "alembic" in ASCII.
MIGRATION_LOCK = int.from_bytes(b"alembic")
RETRY_DELAY = 0.5


class MigrationBlocked(Exception):
    """A lock could not be acquired in time. The message names the lock and its likely holders."""


async def migrate(settings: DatabaseSettings, run: Callable[[Connection], None]) -> None:
    """Call `run` with a connection that holds the migration lock. Retry while a table that it needs is locked.

    Each call to `run` continues after the last commit. Statements have no time limit, on the server or
    in the client. Raises MigrationBlocked after `migration_timeout` seconds without the lock, and DatabaseUnavailable.
    """
    settings = settings.model_copy(
        update={
            "url": settings.migration_url or settings.url,
            "read_url": None,
            "pooler": "none",
            "pool_size": 1,
            "processes": 1,
            # A backfill may take any time. Waiting for a lock may not, because later statements queue behind it.
            "statement_timeout": 0,
            "idle_in_transaction_session_timeout": 0,
            "lock_timeout": settings.migration_lock_timeout,
        }
    )
    # The lock ends with the connection.
    async with open_db(settings) as database, database.engine.connect() as connection:
        deadline = asyncio.get_running_loop().time() + settings.migration_timeout
        await take_migration_lock(connection, deadline)
        await run_until_unlocked(connection, run, deadline)


async def take_migration_lock(connection: AsyncConnection, deadline: float) -> None:
    # A blocking pg_advisory_lock() would deadlock with CREATE INDEX CONCURRENTLY, which waits for all transactions that
    # are running. So poll, with no transaction open in between.
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK}):
        await connection.rollback()
        if asyncio.get_running_loop().time() > deadline:
            raise MigrationBlocked(f"Another migration is running: {await name_lock_holder(connection)}.")
        await asyncio.sleep(RETRY_DELAY)
    await connection.commit()


async def run_until_unlocked(connection: AsyncConnection, run: Callable[[Connection], None], deadline: float) -> None:
    while True:
        try:
            await connection.run_sync(run)
            return
        except DBAPIError as error:
            if sqlstate(error) != SQLState.LOCK_NOT_AVAILABLE:
                raise
            await connection.rollback()
            statement = (error.statement or "").strip()
            if asyncio.get_running_loop().time() > deadline:
                holders = await name_open_transactions(connection)
                raise MigrationBlocked(f"Could not acquire a lock for: {statement}\n{holders}") from error
            logger.warning("Waiting for a lock: %s", statement)
        await asyncio.sleep(RETRY_DELAY)


async def name_lock_holder(connection: AsyncConnection) -> str:
    holder = await connection.execute(
        text(
            "SELECT pid, application_name, client_addr, state FROM pg_stat_activity JOIN pg_locks USING (pid)"
            " WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = :lock"
        ),
        {"lock": MIGRATION_LOCK},
    )
    return " ".join(f"{name} {value}" for row in holder.mappings() for name, value in row.items() if value)


async def name_open_transactions(connection: AsyncConnection) -> str:
    """The oldest open transactions, which most likely hold the lock."""
    transactions = await connection.execute(
        text(
            "SELECT pid, application_name, state, date_trunc('second', now() - xact_start), query FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            " ORDER BY xact_start LIMIT 5"
        )
    )
    return "\n".join(
        f"open for {age}: pid {pid} of {application!r}, {state}: {query}"
        for pid, application, state, age, query in transactions
    )
