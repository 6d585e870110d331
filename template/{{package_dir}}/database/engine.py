"""Connections: made, limited and replaced."""

from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import URL, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from .settings import DRIVER, DatabaseSettings


def create_engine(settings: DatabaseSettings, url: URL, **options: Any) -> AsyncEngine:
    """An engine that tells the database its limits. Connects at first use."""
    options = {
        "pool_size": settings.pool_size,
        # Overflow connections are closed when they come back: each would cost a new session.
        "max_overflow": 0,
        "pool_timeout": settings.pool_timeout,
        "pool_recycle": settings.pool_recycle,
        **options,
    }
    creator = partial(connect, url, **connect_arguments(settings))
    engine = create_async_engine(url.set(drivername=DRIVER), async_creator=creator, **options)
    event.listen(engine.sync_engine, "checkout", replace_closed_connection)
    event.listen(engine.sync_engine, "checkin", end_autocommit)
    event.listen(engine.sync_engine, "handle_error", give_up_broken_connection)
    return engine


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    if settings.pooler == "transaction":
        # The next transaction may be on another server connection: a statement prepared on this one would run
        # somebody else's. A pooler also refuses other settings at the start; put them on the role instead.
        return {
            "timeout": settings.connect_timeout,
            "statement_cache_size": 0,
            "server_settings": {"application_name": settings.application_name},
        }
    return {
        "timeout": settings.connect_timeout,
        "server_settings": {
            "application_name": settings.application_name,
            "statement_timeout": milliseconds(settings.statement_timeout),
            "lock_timeout": milliseconds(settings.lock_timeout),
            "idle_in_transaction_session_timeout": milliseconds(settings.idle_in_transaction_session_timeout),
            "client_connection_check_interval": milliseconds(settings.client_connection_check_interval),
        },
    }


def milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


async def connect(url: URL, **arguments: Any) -> asyncpg.Connection:
    """Connect, so that every failure carries an SQLSTATE: a refused connection is a bare OSError otherwise."""
    # asyncpg reads the URL itself: it knows sslmode, sslrootcert, several hosts and target_session_attrs.
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        return await asyncpg.connect(dsn, **arguments)
    except OSError as error:
        reason = error.strerror or str(error) or "no answer in time"
        raise asyncpg.ClientCannotConnectError(reason) from error


def replace_closed_connection(
    dbapi_connection: Any, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Notice at checkout, without a round trip, that the server went away: the pool then connects anew."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")


def end_autocommit(dbapi_connection: Any, _entry: ConnectionPoolEntry) -> None:
    """A read session started it: see session.py. There is no connection any more when it broke."""
    if dbapi_connection is not None:
        dbapi_connection.autocommit = False


def give_up_broken_connection(context: ExceptionContext) -> None:
    """Between the server's last word and the end of the socket, asyncpg only knows that it is confused."""
    if isinstance(context.original_exception.__cause__, asyncpg.InternalClientError):
        context.is_disconnect = True
