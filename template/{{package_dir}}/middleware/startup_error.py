import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..database import DatabaseUnavailable


class StartupErrorMiddleware:
    """Report a failed start in one sentence. Starlette would send the server a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_sentence(message: Message) -> None:
            error = sys.exc_info()[1]
            if message["type"] == "lifespan.startup.failed" and isinstance(error, DatabaseUnavailable):
                message = {**message, "message": str(error)}
            await send(message)

        await self.app(scope, receive, send_sentence)
