"""Connect when a program starts: wait for the server, check the connection, and explain a failure."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .engine import create_engine
from .errors import DatabaseUnavailable, sqlstate
from .session import Database
from .settings import DatabaseSettings
from .sqlstates import SQLState, SQLStateClass
from .url import describe_url

logger = logging.getLogger(__name__)

RETRY_DELAY = 0.2
RETRYABLE = (
    SQLStateClass.CONNECTION_EXCEPTION,
    SQLStateClass.INSUFFICIENT_RESOURCES,
    SQLStateClass.OPERATOR_INTERVENTION,
)
CLOSE_TIMEOUT = 5


@asynccontextmanager
async def open_db(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """Run a block between `init_db` and `close_db`, in lifespans, jobs and scripts. Raises DatabaseUnavailable."""
    database = await init_db(settings)
    try:
        yield database
    finally:
        await close_db(database)


async def init_db(settings: DatabaseSettings) -> Database:
    """Open the database, and wait at most `startup_timeout` seconds for a connection.

    Raises DatabaseUnavailable, whose text is one sentence for the person who starts the program.
    """
    database = create_database(settings)
    try:
        await wait_until_ready(database, settings)
    except BaseException:
        await close_db(database)
        raise
    return database


async def close_db(database: Database) -> None:
    """Close all pooled connections, or give up after CLOSE_TIMEOUT seconds, because a hung server never answers."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await database.dispose()


def create_database(settings: DatabaseSettings) -> Database:
    """Create the engines of one process, without connecting. Raises DatabaseUnavailable if there is no URL."""
    if settings.url is None:
        raise DatabaseUnavailable(
            "DATABASE_URL is not set: add DATABASE_URL=postgresql://user:password@host:5432/name "
            "to the environment or .env."
        )
    return Database(
        create_engine(settings, settings.url),
        read_engine=create_engine(settings, settings.read_url) if settings.read_url else None,
        probe_engine=create_engine(settings, settings.url, isolation_level="AUTOCOMMIT", pool_size=1, observed=False),
        readiness_timeout=settings.readiness_timeout,
    )


async def wait_until_ready(database: Database, settings: DatabaseSettings) -> None:
    """Try to connect until it works. Raises DatabaseUnavailable."""
    reason = "no answer in time"
    try:
        async with asyncio.timeout(settings.startup_timeout):
            while True:
                try:
                    await check_connections(database, settings)
                    return
                except DBAPIError as error:
                    reason = str(error.orig)
                    if sqlstate(error) == SQLState.PROTOCOL_VIOLATION:
                        reason += " (behind a pooler, set DATABASE_POOLER=transaction)"
                    # Retry if the server is starting, refusing connections or full, but not if the password is wrong.
                    elif (sqlstate(error) or "").startswith(RETRYABLE):
                        await asyncio.sleep(RETRY_DELAY)
                        continue
                    raise DatabaseUnavailable(explain(settings, reason)) from error
    except TimeoutError:
        waited = f", within {settings.startup_timeout:g} s"
        raise DatabaseUnavailable(explain(settings, reason, waited)) from None


async def check_connections(database: Database, settings: DatabaseSettings) -> None:
    async with database.session_scope() as db:
        available = await db.scalar(
            text(
                "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int"
            )
        )
    wanted = settings.processes * (settings.pool_size + 1)
    if settings.pooler == "none" and wanted > available:
        logger.warning(
            "%d processes x (%d pooled connections + 1 for probes) = %d is more than the %d connections of the server: "
            "lower DATABASE_POOL_SIZE, or raise max_connections.",
            settings.processes,
            settings.pool_size,
            wanted,
            available,
        )


def explain(settings: DatabaseSettings, reason: str, waited: str = "") -> str:
    url = settings.url
    assert url is not None
    return (
        f"Cannot connect to PostgreSQL at {describe_url(url)}{waited}: "
        f"{reason.strip().splitlines()[0].rstrip('.')}. Check DATABASE_URL, and that the server is running."
    )
