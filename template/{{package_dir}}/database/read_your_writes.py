"""Let callers read what they wrote: after a write, their reads use the primary until every replica has it, too."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil
from typing import Any

from .settings import CHECK_INTERVAL, DatabaseSettings

Message = MutableMapping[str, Any]
ASGIApp = Callable[[Message, Any, Any], Awaitable[None]]

COOKIE = b"read-primary=1"


@dataclass
class Caller:
    """What is known of the caller of the current request."""

    reads_primary: bool
    wrote: bool = False


current_caller: ContextVar[Caller | None] = ContextVar("current_caller", default=None)


class ReadYourWritesMiddleware:
    """Send a cookie after a write. While the client has it, its reads use the primary.

    It is not signed: whoever invents it only reads from the primary, as after a write.
    """

    def __init__(self, app: ASGIApp, settings: DatabaseSettings) -> None:
        self.app = app
        # A replica that was up to date at its last check may be this far behind now: see replicas.py. Each server's
        # last answer is as old as one interval and one check.
        seconds = settings.replica_max_lag + 2 * (CHECK_INTERVAL + settings.readiness_timeout)
        self.cookie = COOKIE + b"; Max-Age=%d; Path=/; HttpOnly; SameSite=Lax" % ceil(seconds)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        caller = Caller(any(name == b"cookie" and COOKIE in value for name, value in scope["headers"]))

        async def send_with_cookie(message: Message) -> None:
            if caller.wrote and message["type"] == "http.response.start":
                cookie = self.cookie + (b"; Secure" if scope["scheme"] == "https" else b"")
                message["headers"] = [*message.get("headers", ()), (b"set-cookie", cookie)]
            await send(message)

        token = current_caller.set(caller)
        try:
            await self.app(scope, receive, send_with_cookie)
        finally:
            current_caller.reset(token)
