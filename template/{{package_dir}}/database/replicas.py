"""Spread reads over the replicas of `DATABASE_READ_URL`, leave out those that fall behind, and retry failed reads."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy import URL, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from .connection_quota import QuotaSession, holds_connection
from .engine import connect, connect_arguments, create_engine
from .errors import DatabaseUnavailable, sqlstate
from .read_session import ReadOnlySession
from .read_your_writes import current_caller
from .session import Database
from .settings import CHECK_INTERVAL, DatabaseSettings
from .sqlstates import SQLState, SQLStateClass
from .url import describe_url, hosts_of, parse_url

logger = logging.getLogger(__name__)

STATUS = """
    SELECT pg_is_in_recovery(), pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::bigint
"""
STATUS_WITHOUT_LAG = "SELECT pg_is_in_recovery(), 0"
# Half an hour would be long for connections that a load balancer opened while a replica was down.
MAX_RECYCLE = 60
RETRYABLE = (
    SQLState.SERIALIZATION_FAILURE,  # what the replica replays conflicts with the read
    SQLState.DEADLOCK_DETECTED,
    SQLStateClass.CONNECTION_EXCEPTION,
    SQLStateClass.INSUFFICIENT_RESOURCES,
    SQLStateClass.OPERATOR_INTERVENTION,
)
MISCONFIGURED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


class Server:
    """A server, and a connection outside the pools to check it."""

    def __init__(self, url: URL, settings: DatabaseSettings) -> None:
        self.url, self.settings = url, settings
        self.connection: asyncpg.Connection | None = None

    async def check(self) -> tuple[bool, int]:
        """Return whether the server is a standby, and its position in the write-ahead log."""
        try:
            if self.connection is None or self.connection.is_closed():
                self.connection = await connect(self.url, **connect_arguments(self.settings))
            statement = STATUS if self.settings.replica_max_lag else STATUS_WITHOUT_LAG
            standby, position = await self.connection.fetchrow(statement, timeout=self.settings.readiness_timeout)
        except BaseException:
            self.disconnect()
            raise
        return standby, position

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.terminate()


class Replica(Server):
    """A host of `DATABASE_READ_URL`, with a pool of its own."""

    def __init__(self, url: URL, settings: DatabaseSettings) -> None:
        # A host that is silent must not delay a read longer than a check.
        limits = {
            "connect_timeout": min(settings.connect_timeout, settings.readiness_timeout),
            "pool_recycle": min(settings.pool_recycle, MAX_RECYCLE),
        }
        super().__init__(url, settings.model_copy(update=limits))
        self.engine = create_engine(self.settings, url)
        self.in_use: bool | None = None
        self.standby = True
        self.opened: WeakSet[asyncpg.Connection] = WeakSet()
        event.listen(self.engine.sync_engine, "connect", lambda opened, _: self.opened.add(opened.driver_connection))

    def disconnect(self) -> None:
        """End the reads that wait for this server, too, so that they are retried elsewhere."""
        super().disconnect()
        for connection in self.opened:
            connection.terminate()


class Replicas:
    """Which engine reads use next.

    Every CHECK_INTERVAL seconds, each server is asked for its position. A standby is up to date if it has replayed what
    the primary had written `replica_max_lag` seconds ago. Without a primary to compare with, standbys stay in use.
    """

    def __init__(self, settings: DatabaseSettings, primary: AsyncEngine) -> None:
        assert settings.url is not None
        assert settings.read_url is not None
        self.max_lag = settings.replica_max_lag
        self.server = Server(settings.url, settings)
        self.primary = primary.sync_engine
        self.members = [Replica(each, settings) for each in split_url(settings.read_url)]
        self.engines: list[Engine] = [self.primary]
        self.turns = count()
        self.positions: deque[tuple[float, int]] = deque()
        self.tasks: list[asyncio.Task[None]] = []

    def choose(self) -> Engine:
        """Return the engine for the next read: the primary's for a caller that wrote, or if no replica can be used."""
        caller = current_caller.get()
        if caller is not None and caller.reads_primary:
            return self.primary
        return self.engines[next(self.turns) % len(self.engines)]

    async def start(self) -> None:
        """Check all servers once, then at intervals. Raises DatabaseUnavailable if a replica refuses the credentials."""
        await self.check_primary()
        await asyncio.gather(*(self.check_replica(each, starting=True) for each in self.members))
        self.tasks = [asyncio.create_task(self.repeat(self.check_primary))]
        for each in self.members:
            self.tasks.append(asyncio.create_task(self.repeat(self.check_replica, each)))

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.server.disconnect()
        for each in self.members:
            Server.disconnect(each)
            await each.engine.dispose()

    async def repeat(self, check: Callable[..., Any], *arguments: Any) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            await check(*arguments)

    async def check_primary(self) -> None:
        asked = monotonic()
        try:
            standby, position = await self.server.check()
        except Exception:  # whatever it is, the next check may succeed
            return
        if standby:  # since a failover
            self.server.disconnect()
            return
        if self.positions and position < self.positions[-1][1]:
            self.positions.clear()  # a failover lost what no standby had received
        self.positions.append((asked, position))
        while asked - self.positions[0][0] > self.max_lag:
            self.positions.popleft()

    async def check_replica(self, replica: Replica, starting: bool = False) -> None:
        try:
            replica.standby, position = await replica.check()
        except Exception as error:
            if starting and isinstance(error, MISCONFIGURED):
                message = f"Cannot read from {describe_url(replica.url)}: {error}. Check DATABASE_READ_URL."
                raise DatabaseUnavailable(message) from error
            self.use(replica, False, str(error) or "no answer in time")
            return
        behind = replica.standby and bool(self.positions) and position < self.positions[0][1]
        self.use(replica, not behind, f"it is more than {self.max_lag:g} s behind")

    def use(self, replica: Replica, usable: bool, reason: str) -> None:
        if not usable and replica.in_use is not False:
            logger.warning("Reads avoid %s: %s", describe_url(replica.url), reason)
        elif usable and replica.in_use is False:
            logger.info("Reads use %s again.", describe_url(replica.url))
        replica.in_use = usable
        usable_members = [each for each in self.members if each.in_use]
        # A replica that was promoted is used only if there is no other.
        members = [each for each in usable_members if each.standby] or usable_members
        self.engines = [each.engine.sync_engine for each in members] or [self.primary]


class ReplicaSession(ReadOnlySession):
    """Reads each statement from the next replica, and once more from the primary if the replica fails.

    A session that was given the engine of the primary stays there.
    """

    def __init__(self, replicas: Replicas, **options: Any) -> None:
        super().__init__(**options)
        self.replicas = replicas
        self.balanced = self.bind is not replicas.primary

    def get_bind(self, mapper: Any = None, **options: Any) -> Any:
        if self.balanced and not holds_connection(self):
            self.bind = self.replicas.choose()
        return super().get_bind(mapper, **options)

    def return_connection_after(self, run: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            return super().return_connection_after(run, *args, **options)
        except DBAPIError as error:
            failed = self.bind is not self.replicas.primary and is_failure_of_replica(error)
            if not failed or holds_connection(self):  # in a transaction, earlier reads would have to be repeated, too
                raise
            logger.warning("A read is retried on the primary: %s", error.orig)
        self.balanced, self.bind = False, self.replicas.primary
        try:
            return super().return_connection_after(run, *args, **options)
        finally:
            self.balanced = True


class WriteSession(QuotaSession):
    """Tells the caller of a request that it wrote, even if the COMMIT fails, because it may have succeeded."""

    def commit(self) -> None:
        caller = current_caller.get()
        if caller is not None and holds_connection(self):
            caller.wrote = caller.reads_primary = True
        super().commit()


class ReplicatedDatabase(Database):
    """A `Database` whose read sessions use `Replicas`. `read_engine` is the first of them."""

    def __init__(self, replicas: Replicas, engine: AsyncEngine, **options: Any) -> None:
        super().__init__(engine, read_engine=replicas.members[0].engine, **options)
        self.replicas = replicas
        self._session.configure(sync_session_class=WriteSession)
        self._read_session.configure(sync_session_class=ReplicaSession, replicas=replicas)

    async def dispose(self) -> None:
        await self.replicas.stop()
        await super().dispose()


def split_url(url: URL) -> list[URL]:
    """One URL for each host."""
    hosts = hosts_of(url)
    if len(hosts) == 1:
        return [url]
    return [parse_url(url.update_query_dict({"host": host, "port": port or "5432"})) for host, port in hosts]


def is_failure_of_replica(error: DBAPIError) -> bool:
    state = sqlstate(error) or ""
    if state == SQLState.QUERY_CANCELED:  # it took too long, and would on the primary
        return False
    return error.connection_invalidated or state.startswith(RETRYABLE)
