"""Sessions, for requests and for everything else: jobs, scripts, streams, websockets."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, Executable, event, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

from .engine import create_engine
from .errors import DatabaseUnavailable, sqlstate
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


class ReadOnlySession(Session):
    """A session in AUTOCOMMIT: one round trip for each read, and no transaction in which a write could fail."""

    in_autocommit = False

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **options: Any) -> Any:
        if isinstance(clause, Executable) and clause.is_dml:
            refuse_write()
        return super().get_bind(mapper, clause=clause, **options)


@event.listens_for(ReadOnlySession, "before_flush")
def refuse_write(*_: Any) -> None:
    raise InvalidRequestError("A read session does not write. Take DbSession, or session_scope() outside a request.")


@event.listens_for(ReadOnlySession, "after_begin")
def start_autocommit(session: ReadOnlySession, _: Any, connection: Connection) -> None:
    """By hand: SQLAlchemy's isolation_level costs each read as much as a BEGIN. The pool ends it: see engine.py."""
    # Not in a test's transaction or on SQLite, nor where the caller chose a level.
    session.in_autocommit = (
        session.bind is not connection
        and connection.dialect.name == "postgresql"
        and "isolation_level" not in connection.get_execution_options()
    )
    if session.in_autocommit:
        dbapi_connection: Any = connection.connection.dbapi_connection
        dbapi_connection.autocommit = True


class ScopedSession(AsyncSession):
    """Ends without a task of its own where the server need not be told: in AUTOCOMMIT, and after a commit."""

    async def __aexit__(self, *error: Any) -> None:
        if self.in_transaction() and not getattr(self.sync_session, "in_autocommit", False):
            await super().__aexit__(*error)
        else:
            self.sync_session.close()


class Database:
    """Where sessions come from. One for each process, made by `init_db`."""

    def __init__(
        self,
        engine: AsyncEngine | AsyncConnection,
        read_engine: AsyncEngine | AsyncConnection,
        probe_engine: AsyncEngine | AsyncConnection,
        readiness_timeout: float,
        **session_options: Any,
    ) -> None:
        self.engine = engine
        self.read_engine = read_engine
        self.probe_engine = probe_engine
        self.readiness_timeout = readiness_timeout
        # With close_resets_only, a session used after its end would silently open again, and leak its connection.
        options = {"class_": ScopedSession, "expire_on_commit": False, "close_resets_only": False, **session_options}
        self._session = async_sessionmaker(engine, **options)
        self._read_session = async_sessionmaker(
            read_engine, sync_session_class=ReadOnlySession, autoflush=False, **options
        )

    @asynccontextmanager
    async def session_scope(self, isolation_level: str | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back on any exception."""
        async with self._session() as db:
            await set_isolation_level(db, isolation_level)
            yield db
            await db.commit()

    @asynccontextmanager
    async def read_scope(self, isolation_level: str | None = None) -> AsyncIterator[AsyncSession]:
        """Reads that cost one round trip each, from `DATABASE_READ_URL` where that is set.

        A stream, or several reads of the same state, want a transaction: `isolation_level="REPEATABLE READ"`.
        """
        async with self._read_session() as db:
            await set_isolation_level(db, isolation_level)
            yield db

    async def ping(self) -> None:
        """One round trip outside the pool, so that a full pool does not look like a dead database.

        Raises TimeoutError after `readiness_timeout` seconds, or SQLAlchemyError.
        """
        async with asyncio.timeout(self.readiness_timeout), AsyncSession(self.probe_engine) as db:
            await db.execute(text("SELECT 1"))


async def set_isolation_level(db: AsyncSession, isolation_level: str | None) -> None:
    if isolation_level is not None:
        await db.connection(execution_options={"isolation_level": isolation_level})


def create_database(settings: DatabaseSettings) -> Database:
    """The engines of one process; nothing connects yet. Raises DatabaseUnavailable without a URL."""
    if settings.url is None:
        raise DatabaseUnavailable(
            "DATABASE_URL is not set: write DATABASE_URL=postgresql://user:password@host:5432/name "
            "into the environment or .env."
        )
    engine = create_engine(settings, settings.url)
    return Database(
        engine,
        create_engine(settings, settings.read_url) if settings.read_url else engine,
        create_engine(settings, settings.url, isolation_level="AUTOCOMMIT", pool_size=1),
        settings.readiness_timeout,
    )


async def init_db(settings: DatabaseSettings) -> Database:
    """Open the database and verify the connection, at most for `startup_timeout` seconds.

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
    for engine in (database.engine, database.read_engine, database.probe_engine):
        if isinstance(engine, AsyncEngine):
            await engine.dispose()


async def wait_until_ready(database: Database, settings: DatabaseSettings) -> None:
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
                    # Starting up, restarting, refusing, full: worth another try. A wrong password is not.
                    elif (sqlstate(error) or "").startswith(RETRYABLE):
                        await asyncio.sleep(RETRY_DELAY)
                        continue
                    raise DatabaseUnavailable(explain(settings, reason)) from error
    except TimeoutError:
        raise DatabaseUnavailable(explain(settings, reason)) from None


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


def explain(settings: DatabaseSettings, reason: str) -> str:
    url = settings.url
    assert url is not None
    return (
        f"Cannot connect to PostgreSQL at {describe_url(url)}, within {settings.startup_timeout:g} s: "
        f"{reason.strip().splitlines()[0].rstrip('.')}. Check DATABASE_URL and that the server runs."
    )
