"""What one request may take from the pool: one connection at a time, and `pool_timeout` seconds of waiting in all.

A request that holds a connection while it waits for a second one deadlocks the pool as soon as enough requests do so at
once. So the second one is refused every time, also when the pool has connections to spare.
"""

import asyncio
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

_current: ContextVar["Quota | None"] = ContextVar("quota", default=None)


class Quota:
    """The connections of one request: the session that took the last one, and how long the request waited for them."""

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        self.scope = scope
        self.task = asyncio.current_task()
        self.session: Session | None = None
        self.waited = 0.0

    def admit(self, session: Session) -> None:
        """Let `session` take a connection. Raises InvalidRequestError while another session holds one."""
        if self.session is not session:
            if self.session is not None and holds_connection(self.session):
                route = getattr(self.scope.get("route"), "path", self.scope["path"])
                raise InvalidRequestError(
                    f"{self.scope.get('method', 'WEBSOCKET')} {route} uses a second session while the transaction of "
                    "the first is open. Use one session for both, or commit the first before you use the second."
                )
            self.session = session


@contextmanager
def request_quota(scope: MutableMapping[str, Any]) -> Iterator[None]:
    """Let the sessions that this task opens share the quota of the request with this ASGI scope."""
    quota = _current.get()
    if quota is None or quota.scope is not scope:
        _current.set(Quota(scope))
    try:
        yield
    finally:
        _current.set(None)


def current_quota() -> Quota | None:
    quota = _current.get()
    # A task that the request started inherits the variable, but has connections of its own.
    return quota if quota is not None and quota.task is asyncio.current_task() else None


def holds_connection(session: Session) -> bool:
    transaction = session.get_transaction()
    return transaction is not None and bool(transaction.connections)


class QuotaSession(Session):
    """Asks the quota of its request before it takes a connection."""

    def get_bind(self, mapper: Any = None, **options: Any) -> Any:
        if (quota := current_quota()) is not None:
            quota.admit(self)
        return super().get_bind(mapper, **options)


class QuotaPool(AsyncAdaptedQueuePool):
    """Makes a request wait `timeout` seconds in all, however many connections it takes one after the other."""

    limit: float

    def connect(self) -> PoolProxiedConnection:
        quota = current_quota()
        if quota is None:
            return super().connect()
        started = monotonic()
        try:
            return super().connect()
        finally:
            quota.waited += monotonic() - started

    @property
    def _timeout(self) -> float:
        quota = current_quota()
        return self.limit if quota is None else max(0, self.limit - quota.waited)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self.limit = seconds
