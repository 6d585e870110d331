"""Graceful shutdown: `/readyz` turns 503 first, and the server closes its listeners later."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection


class Shutdown:
    def __init__(self) -> None:
        self.requested = False
        self.stopping = asyncio.Event()

    @contextmanager
    def handle_signals(self, drain_time: int) -> Iterator[None]:
        """Call the server's signal handler `drain_time` seconds after SIGTERM; after Ctrl-C, at once."""
        server_handler = signal.getsignal(signal.SIGTERM)
        if not callable(server_handler) or threading.current_thread() is not threading.main_thread():
            yield  # no server handles signals, as in tests
            return
        loop = asyncio.get_running_loop()

        def stop(signum: int) -> None:
            self.stopping.set()
            server_handler(signum, None)

        def on_signal(signum: int, _frame: FrameType | None) -> None:
            self.requested = True
            delay = drain_time if signum == signal.SIGTERM else 0
            loop.call_soon_threadsafe(loop.call_later, delay, stop, signum)

        previous = {signum: signal.signal(signum, on_signal) for signum in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for signum, handler in previous.items():
                signal.signal(signum, handler)


async def get_stopping(connection: HTTPConnection) -> asyncio.Event:
    return cast(Shutdown, connection.app.state.shutdown).stopping


Stopping = Annotated[asyncio.Event, Depends(get_stopping)]
"""Set when the server stops. A stream that does not end then is cancelled after `GRACEFUL_TIMEOUT`."""
