"""Serve: `python -m <package>`. The settings name the address, the number of processes and the time for a stop."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from .database import DatabaseUnavailable, open_db
from .main import create_app
from .settings import STARTUP_FAILURE, read_settings


async def check_database() -> None:
    """Connect once before the workers do, so that a failure is one sentence, not one for each of them."""
    try:
        async with open_db(settings.database):
            pass
    except DatabaseUnavailable as error:
        print(error, file=sys.stderr)
        sys.exit(STARTUP_FAILURE)


settings = read_settings()
config = Config(
    f"{__package__}.main:create_app",
    factory=True,
    host=settings.host,
    port=settings.port,
    workers=settings.workers,
    log_config=Path(__file__).with_name("logging.json"),
    forwarded_allow_ips=settings.forwarded_allow_ips,
    server_header=False,
    timeout_graceful_shutdown=settings.graceful_timeout,
)
if settings.workers == 1:
    with suppress(KeyboardInterrupt):
        Server(config).run()
else:
    create_app(settings)  # a bug fails here once, because uvicorn restarts a worker that raises for ever
    asyncio.run(check_database())
    supervisor = Multiprocess(config, [config.bind_socket()])
    supervisor.run()
    # The command `uvicorn` ends with 0 when its workers cannot start.
    if any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes):
        sys.exit(STARTUP_FAILURE)
