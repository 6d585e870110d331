"""What stands around the application, as plain ASGI: BaseHTTPMiddleware would cost each request a task of its own."""

import sys

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .database import DatabaseUnavailable
from .database.handlers import problem


class BodyLimit:
    """A body of more than `max_size` bytes gets a 413. FastAPI's own limit answers in plain text."""

    def __init__(self, app: ASGIApp, max_size: int) -> None:
        self.app = app
        self.max_size = max_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > self.max_size:
            await problem(413, f"At most {self.max_size} bytes.")(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_size:
                raise HTTPException(413, f"At most {self.max_size} bytes.")
            return message

        await self.app(scope, receive_limited, send)


class StartupErrors:
    """A start that fails says why in one sentence: Starlette would hand a traceback to the server's log."""

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
