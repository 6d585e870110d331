"""What stands around the application, as plain ASGI: BaseHTTPMiddleware would cost each request a task of its own."""

import asyncio
import sys

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .database import DatabaseUnavailable


class BodyLimit:
    """A body of more than `max_size` bytes gets a 413. FastAPI's own limit answers in plain text."""

    def __init__(self, app: ASGIApp, max_size: int) -> None:
        self.app = app
        self.max_size = max_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
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


class HangUps:
    """A GET whose client hangs up is cancelled, and its query with it: nobody waits for the answer.

    What may write runs to its end, within the limits of the database. So does a GET that sends already or reads the
    request by itself: it notices without help.
    """

    WATCH_AFTER = 1.0  # in seconds: a task for each request would cost the quick ones more than it saves

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        request = asyncio.current_task()
        assert request is not None
        watcher: asyncio.Task[None] | None = None
        received: list[Message] = []
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (message := await receive())["type"] != "http.disconnect":
                received.append(message)
                if message.get("more_body"):
                    return
            gone = True
            request.cancel()

        def start() -> None:
            nonlocal watcher
            watcher = asyncio.create_task(watch())

        def stop() -> None:
            timer.cancel()
            if watcher is not None:
                watcher.cancel()

        async def receive_unwatched() -> Message:
            stop()
            return received.pop(0) if received else await receive()

        async def send_unwatched(message: Message) -> None:
            stop()
            await send(message)

        timer = asyncio.get_running_loop().call_later(self.WATCH_AFTER, start)
        try:
            await self.app(scope, receive_unwatched, send_unwatched)
        except asyncio.CancelledError:
            if not gone:
                raise
            request.uncancel()
        finally:
            stop()


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
