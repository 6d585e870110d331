from collections.abc import Sequence

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..health import PROBES


class AllowedHostsMiddleware(TrustedHostMiddleware):
    """Refuse a request whose Host header names none of these hosts. Probes are exempt: they use the IP address."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        super().__init__(app, allowed_hosts, www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") in PROBES:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
