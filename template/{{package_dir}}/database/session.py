"""Sessions, for requests and for everything else: jobs, scripts, streams, websockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker

from .connection_quota import QuotaSession, holds_connection
from .read_session import ReadOnlySession, is_read_in_autocommit


class ScopedSession(AsyncSession):
    """Skips SQLAlchemy's shielded close, which starts a task, when there is nothing to roll back."""

    async def __aexit__(self, *error: Any) -> None:
        if holds_connection(self.sync_session) and not is_read_in_autocommit(self.sync_session):
            await super().__aexit__(*error)
        else:
            self.sync_session.close()


class Database:
    """Opens sessions. Each process has one `Database`, created by `init_db` or `open_db`.

    `read_engine` and `probe_engine` default to `engine`. A test passes the connection of its transaction in place of an
    engine, so that all sessions work inside that transaction. `readiness_timeout` is in seconds.
    """

    def __init__(
        self,
        engine: AsyncEngine | AsyncConnection,
        *,
        read_engine: AsyncEngine | AsyncConnection | None = None,
        probe_engine: AsyncEngine | AsyncConnection | None = None,
        readiness_timeout: float = 2,
        **session_options: Any,
    ) -> None:
        self._bind = engine
        self._read_bind = read_engine or engine
        self._probe_bind = probe_engine or engine
        self.readiness_timeout = readiness_timeout
        # With close_resets_only, a session used after it is closed would silently reopen and leak its connection.
        options = {"class_": ScopedSession, "expire_on_commit": False, "close_resets_only": False, **session_options}
        self._session = async_sessionmaker(engine, sync_session_class=QuotaSession, **options)
        self._read_session = async_sessionmaker(
            self._read_bind, sync_session_class=ReadOnlySession, autoflush=False, **options
        )

    @property
    def engine(self) -> AsyncEngine:
        """The engine of `session_scope`, for its pool and its events."""
        return self._bind if isinstance(self._bind, AsyncEngine) else self._bind.engine

    @property
    def read_engine(self) -> AsyncEngine:
        """The engine of `read_scope`: `engine` unless `DATABASE_READ_URL` is set."""
        return self._read_bind if isinstance(self._read_bind, AsyncEngine) else self._read_bind.engine

    @asynccontextmanager
    async def session_scope(self, isolation_level: str | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back on any exception.

        The first statement raises InvalidRequestError if the request has another transaction open.
        """
        async with self._session() as db:
            await set_isolation_level(db, isolation_level)
            yield db
            await db.commit()

    @asynccontextmanager
    async def read_scope(self, isolation_level: str | None = None) -> AsyncIterator[AsyncSession]:
        """A session for reading, from `DATABASE_READ_URL` if that is set. Each statement takes one round trip.

        The session holds a connection only while a statement runs, so two statements may see different states, and
        reach different replicas. To stream rows, or to read one state several times, pass
        `isolation_level="REPEATABLE READ"`: this opens a transaction, which holds a connection until the end of the block.

        Raises InvalidRequestError for a write, for a stream without an isolation level, and for a statement when the
        request has another transaction open.
        """
        async with self._read_session() as db:
            await set_isolation_level(db, isolation_level)
            yield db

    async def ping(self) -> None:
        """One round trip outside the pool, so that a full pool does not look like a dead database.

        Raises TimeoutError after `readiness_timeout` seconds, or SQLAlchemyError.
        """
        async with asyncio.timeout(self.readiness_timeout), AsyncSession(self._probe_bind) as db:
            await db.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Close the pooled connections of all engines. Connections that were passed in stay open."""
        for bind in {self._bind, self._read_bind, self._probe_bind}:
            if isinstance(bind, AsyncEngine):
                await bind.dispose()


async def set_isolation_level(db: AsyncSession, isolation_level: str | None) -> None:
    if isolation_level is not None:
        await db.connection(execution_options={"isolation_level": isolation_level})
