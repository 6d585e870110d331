"""Engines and their connections: how they are opened, limited and replaced."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import asyncpg
from sqlalchemy import URL, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from .deadlines import client_timeout, milliseconds, restore_client_timeout, treat_timeout_as_canceled
from .read_session import end_autocommit
from .redaction import hide_values
from .settings import DatabaseSettings
from .telemetry import ObservedPool, observe_engine
from .url import hosts_of, parse_url


def create_engine(settings: DatabaseSettings, url: URL | str, *, observed: bool = True, **options: Any) -> AsyncEngine:
    """Create an engine whose connections set the server's timeouts. It connects on first use."""
    options = {
        "poolclass": ObservedPool,
        "pool_size": settings.pool_size,
        # SQLAlchemy closes overflow connections when they are returned, so each use would open a new one.
        "max_overflow": 0,
        "pool_timeout": settings.pool_timeout,
        "pool_recycle": settings.pool_recycle,
        "echo": settings.echo,
        "hide_parameters": not settings.log_values,
        **options,
    }
    url = parse_url(url)
    creator = partial(connect, url, **connect_arguments(settings))
    engine = create_async_engine(url, async_creator=creator, **options)
    event.listen(engine.sync_engine, "checkout", replace_closed_connection)
    event.listen(engine.sync_engine, "checkin", end_autocommit)
    event.listen(engine.sync_engine, "checkin", restore_client_timeout)
    event.listen(engine.sync_engine, "handle_error", treat_timeout_as_canceled)
    event.listen(engine.sync_engine, "handle_error", treat_client_error_as_disconnect)
    if not settings.log_values:
        event.listen(engine.sync_engine, "handle_error", hide_values)
    if observed:
        observe_engine(engine, settings.slow_statement)
    return engine


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    server_settings = {"application_name": settings.application_name}
    arguments: dict[str, Any] = {
        "connect_timeout": settings.connect_timeout,
        "command_timeout": client_timeout(settings.statement_timeout),
        "server_settings": server_settings,
    }
    if settings.pooler == "transaction":
        # The next transaction may run on another server connection, where the name of a prepared statement means
        # something else.
        arguments["statement_cache_size"] = 0
    elif settings.pooler == "pgbouncer":
        arguments["check"] = check_prepared_statements
    # A pooler rejects other startup settings; set them on the role instead.
    if settings.pooler == "none":
        server_settings |= {
            "statement_timeout": milliseconds(settings.statement_timeout),
            "lock_timeout": milliseconds(settings.lock_timeout),
            "idle_in_transaction_session_timeout": milliseconds(settings.idle_in_transaction_session_timeout),
            "client_connection_check_interval": milliseconds(settings.client_connection_check_interval),
        }
    return arguments


async def check_prepared_statements(connection: asyncpg.Connection) -> None:
    """Raise ProtocolViolationError unless PgBouncer gives prepared statements names of its own.

    If it does not, clients would run each other's statements: it is older than 1.21, or max_prepared_statements is 0.
    """
    own_name = "SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name LIKE 'PGBOUNCER%')"
    try:
        async with connection.transaction():  # on one server connection
            if await connection.fetchval(own_name):
                return
    except asyncpg.DuplicatePreparedStatementError:  # another client's
        pass
    connection.terminate()
    raise asyncpg.ProtocolViolationError("there is no PgBouncer that keeps prepared statements")


async def connect(
    url: URL,
    *,
    connect_timeout: float = 5,
    server_settings: dict[str, str] | None = None,
    check: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
    **arguments: Any,
) -> asyncpg.Connection:
    """Connect to the first host that answers within `connect_timeout` seconds and matches `target_session_attrs`.

    Parameters of the URL take precedence. Raises PostgresError also where asyncpg raises OSError, so that
    every failure has an SQLSTATE.
    """
    query = {name: str(value) for name, value in url.query.items() if name not in ("host", "port")}
    timeout = float(query.pop("connect_timeout", connect_timeout))
    wanted = query.pop("target_session_attrs", None)
    server_settings = {name: value for name, value in (server_settings or {}).items() if name not in query}
    reasons: dict[tuple[str, str], str] = {}
    # asyncpg applies its timeout to all hosts together. A silent first host would use it up.
    attributes = ("standby", "any") if wanted == "prefer-standby" else (wanted,)
    for attribute in attributes:
        for host, port in hosts_of(url):
            try:
                connection = await asyncpg.connect(
                    f"postgresql://?{urlencode(query)}",
                    host=host.strip("[]") or None,
                    port=port or None,
                    user=url.username,
                    password=url.password,
                    database=url.database,
                    timeout=timeout or None,
                    server_settings=server_settings,
                    target_session_attrs=attribute,
                    **arguments,
                )
                if check is not None:
                    await check(connection)
                return connection
            except asyncpg.CannotConnectNowError as error:
                reasons[host, port] = str(error)
            except asyncpg.TargetServerAttributeNotMatched:
                reasons[host, port] = f"the server is not {attribute}"
            except OSError as error:
                reasons[host, port] = error.strerror or str(error) or "no answer in time"
    several = len(reasons) > 1
    raise asyncpg.ClientCannotConnectError(
        "; ".join(f"{host}:{port}: {reason}" if several else reason for (host, port), reason in reasons.items())
    )


def replace_closed_connection(
    dbapi_connection: Any, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """At checkout, let the pool replace a connection that the server has closed. The check needs no round trip."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")


def treat_client_error_as_disconnect(context: ExceptionContext) -> None:
    """Treat InternalClientError as a disconnect: asyncpg raises it before it notices that the socket is closed."""
    if isinstance(context.original_exception.__cause__, asyncpg.InternalClientError):
        context.is_disconnect = True
