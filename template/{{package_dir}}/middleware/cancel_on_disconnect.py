import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class CancelOnDisconnectMiddleware:
    """Cancel a GET or HEAD that takes longer than WATCH_AFTER, and its query, when the client disconnects.

    Requests that may write always finish. So does a GET that has begun to respond, or that calls receive() itself and
    therefore notices the disconnect.
    """

    WATCH_AFTER = 1.0  # seconds, so that quick requests do not pay for a task that watches the client

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        watcher: asyncio.Task[None] | None = None
        received: list[Message] = []
        disconnected = False

        async def watch() -> None:
            nonlocal disconnected
            while (message := await receive())["type"] != "http.disconnect":
                received.append(message)
                if message.get("more_body"):
                    return
            disconnected = True
            task.cancel()

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
            if not disconnected:
                raise
            task.uncancel()
        finally:
            stop()
