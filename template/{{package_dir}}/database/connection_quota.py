"""Limit each request to one pool connection at a time, and to `pool_timeout` seconds of waiting in total.

If enough requests each hold one connection while they wait for a second, the pool deadlocks. A second one is therefore
always refused, even if the pool has connections to spare.
"""

import asyncio
from collections.abc import MutableMapping
from contextvars import ContextVar
from time import monotonic
from typing import Any, cast

from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

_current: ContextVar["Quota | None"] = ContextVar("quota", default=None)


class Quota:
    """One request: which session took a connection last, and how long the request has waited for connections."""

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        self.scope = scope
        self.task = asyncio.current_task()
        self.session: Session | None = None
        self.waited = 0.0

    def __enter__(self) -> None:
        _current.set(self)

    def __exit__(self, *_: object) -> None:
        _current.set(None)

    def admit(self, session: Session) -> None:
        """Let `session` take a connection. Raises InvalidRequestError while another session holds one."""
        if self.session is not session:
            self.refuse_second_connection()
            self.session = session

    def refuse_second_connection(self) -> None:
        """Raises InvalidRequestError while a session holds one."""
        if self.session is not None and holds_connection(self.session):
            route = getattr(self.scope.get("route"), "path", self.scope["path"])
            raise InvalidRequestError(
                f"{self.scope.get('method', 'WEBSOCKET')} {route} uses a second session while the transaction of "
                "the first is open. Use one session for both, or commit the first before you use the second."
            )


def request_quota(scope: MutableMapping[str, Any]) -> Quota:
    """Return the quota of the request with this ASGI scope. Sessions that this task opens in a `with` block share it."""
    quota = _current.get()
    return quota if quota is not None and quota.scope is scope else Quota(scope)


def current_quota() -> Quota | None:
    quota = _current.get()
    # A task that the request started inherits the variable, but has connections of its own.
    return quota if quota is not None and quota.task is asyncio.current_task() else None


def holds_connection(session: Session) -> bool:
    transaction = session.get_transaction()
    return transaction is not None and bool(transaction.connections)


class QuotaSession(Session):
    """Asks the quota of its request before it takes a connection."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.quota = current_quota()

    def get_bind(self, mapper: Any = None, **options: Any) -> Any:
        if self.quota is not None:
            self.quota.admit(self)
        return super().get_bind(mapper, **options)


class QuotaPool(AsyncAdaptedQueuePool):
    """Lets a request wait at most `timeout` seconds in total, however many connections it takes in turn."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.limit = self.timeout()

    def connect(self) -> PoolProxiedConnection:
        quota = None if self.checkedin() else current_quota()
        self._timeout = max(0.0, self.limit - quota.waited) if quota else self.limit
        if quota is None:
            return super().connect()
        started = monotonic()
        try:
            return super().connect()
        finally:
            quota.waited += monotonic() - started

    def recreate(self) -> "QuotaPool":
        self._timeout = self.limit
        return cast(QuotaPool, super().recreate())
