import asyncio
import signal

from recipes.queue import Handler, work
from shop.database import DatabaseSettings, open_db


async def main(settings: DatabaseSettings, handle: Handler) -> None:
    """A separate process that stops on SIGTERM. Its current task is rolled back, not lost."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_db(settings.model_copy(update={"application_name": "worker", "pool_size": 2})) as database:
        workers = [asyncio.create_task(work(database, handle)) for _ in range(2)]
        stopped = asyncio.create_task(stop.wait())
        try:
            # A worker that loses its database exits. Its supervisor starts it again.
            done, _ = await asyncio.wait([*workers, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in [*workers, stopped]:
                task.cancel()
            await asyncio.gather(*workers, stopped, return_exceptions=True)
