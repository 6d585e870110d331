"""A start that fails says why in one sentence: Starlette would hand a traceback to the server's log."""

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .database import DatabaseUnavailable


class StartupErrors:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_sentence(message: Message) -> None:
            _, error, _ = sys.exc_info()
            if message["type"] == "lifespan.startup.failed" and isinstance(error, DatabaseUnavailable):
                message = {**message, "message": str(error)}
            await send(message)

        await self.app(scope, receive, send_sentence)
