"""Connect when a program starts: wait for the server, check the connection, and explain a failure."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from .engine import create_engine
from .errors import DatabaseUnavailable, sqlstate
from .replicas import Replicas, ReplicatedDatabase
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
STANDBY = "the server is a standby; name the primary, or all servers and target_session_attrs=read-write"
CHECK = text("""
    SELECT pg_is_in_recovery(),
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
""")
# Null as long as there are no tables.
PRIVILEGES = text("""
    SELECT current_user, bool_or(has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT'))
    FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
""")


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
        if isinstance(database, ReplicatedDatabase):
            await database.replicas.start()
        await check_privileges(database)
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
    engine = create_engine(settings, settings.url)
    probe_engine = create_engine(settings, settings.url, isolation_level="AUTOCOMMIT", pool_size=1, observed=False)
    options: dict[str, Any] = {"probe_engine": probe_engine, "readiness_timeout": settings.readiness_timeout}
    if settings.read_url is None:
        return Database(engine, **options)
    return ReplicatedDatabase(Replicas(settings, engine), engine, **options)


async def wait_until_ready(database: Database, settings: DatabaseSettings) -> None:
    """Try to connect until it works. Raises DatabaseUnavailable."""
    reason = "no answer in time"
    try:
        async with asyncio.timeout(settings.startup_timeout):
            while True:
                try:
                    if not await check_connections(database, settings):
                        return
                    # It may be the primary soon, if this is a failover.
                    reason = STANDBY
                    await asyncio.sleep(RETRY_DELAY)
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


async def check_connections(database: Database, settings: DatabaseSettings) -> bool:
    """Return whether the server is a standby. Warn if it has too few connections."""
    async with database.session_scope() as db:
        standby, available = (await db.execute(CHECK)).one()
    probes = 1 + (settings.read_url is not None)
    wanted = settings.processes * (settings.pool_size + probes)
    if settings.pooler == "none" and wanted > available:
        logger.warning(
            "%d processes x (%d pooled connections + %d for probes) = %d is more than the %d connections of the server: "
            "lower DATABASE_POOL_SIZE, or raise max_connections.",
            settings.processes,
            settings.pool_size,
            probes,
            wanted,
            available,
        )
    return bool(standby)


async def check_privileges(database: Database) -> None:
    """Warn of a role that may read no table, because the error of a request would name only one."""
    roles = set()
    for scope in (database.session_scope, database.read_scope):
        async with scope() as db:
            role, may_read = (await db.execute(PRIVILEGES)).one()
        if may_read is False:
            roles.add(role)
    for role in roles:
        logger.warning("The role %r may not read any table: GRANT it the privileges that the service needs.", role)


def explain(settings: DatabaseSettings, reason: str, waited: str = "") -> str:
    url = settings.url
    assert url is not None
    return (
        f"Cannot connect to PostgreSQL at {describe_url(url)}{waited}: "
        f"{reason.strip().splitlines()[0].rstrip('.')}. Check DATABASE_URL, and that the server is running."
    )
