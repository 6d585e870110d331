import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class CancelOnDisconnectMiddleware:
    """Cancel a GET or HEAD, and its query, when the client disconnects.

    Requests that may write always finish. So does a GET that has begun to respond, or that calls receive() itself and
    therefore notices the disconnect.
    """

    WATCH_AFTER = 1.0  # seconds; a task for each request would cost quick requests more than it saves

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
