"""What the line of a request costs, beside uvicorn's own: `python -m bench.access_log SERVICE`.

One process, no server and no database, and short rounds in which the lines take turns: that shows a microsecond, which
the CPU of a server hides. A line includes what gives a request its ID and measures its duration.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from logging.config import dictConfig
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryFile
from time import process_time
from types import SimpleNamespace
from typing import Any

from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from testkit.projects import run

REQUESTS = 300
ROUNDS = 200
NONE, UVICORN = "none", "uvicorn's"
SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "path": "/books/1",
    "query_string": b"",
    "client": ("127.0.0.1", 50000),
    "headers": [(b"host", b"api.example.com"), (b"user-agent", b"bench"), (b"accept", b"application/json")],
    "route": SimpleNamespace(path_format="/books/{book_id}"),
}
access_logger = logging.getLogger("uvicorn.access")


def measure_access_log(project: Path) -> dict[str, float]:
    """Microseconds of CPU per request, by kind of line."""
    root = str(Path(__file__).parents[1])
    output = run(project, sys.executable, "-m", "bench.access_log", str(project), PYTHONPATH=root)
    return dict(json.loads(output))


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def app_with_uvicorns_line(scope: Any, receive: Any, send: Any) -> None:
    """What uvicorn does when the response starts."""
    access_logger.info(
        '%s - "%s %s HTTP/%s" %d',
        get_client_addr(scope),
        scope["method"],
        get_path_with_query_string(scope),
        scope["http_version"],
        200,
    )
    await app(scope, receive, send)


async def receive() -> Any: ...


async def send(_message: Any) -> None: ...


async def measure(handle: Callable[..., Any]) -> float:
    started = process_time()
    for _ in range(REQUESTS):
        await handle(dict(SCOPE), receive, send)
    return (process_time() - started) / REQUESTS * 1e6


def main(project: Path) -> None:
    sys.path.append(str(project / "src"))
    logs: Any = import_module("my_service.logs")
    middleware = import_module("my_service.middleware")
    config = json.loads((project / "src/my_service/logging.json").read_text())
    ours = middleware.RequestLogMiddleware(app)
    variants = {
        NONE: (app, config, False),
        UVICORN: (app_with_uvicorns_line, LOGGING_CONFIG, False),
        "text": (ours, config, False),
        "JSON": (ours, config, True),
    }
    figures: dict[str, list[float]] = {name: [] for name in variants}
    with TemporaryFile("w") as file, redirect_stdout(file):
        for _ in range(ROUNDS):
            for name, (handle, configuration, as_json) in variants.items():
                logs.JSON = as_json
                dictConfig(configuration)
                figures[name].append(asyncio.run(measure(handle)))
    # Other work on the machine only ever adds to a figure, so the tenth of the rounds with the least says most.
    least = {name: quantiles(values, n=10)[0] for name, values in figures.items()}
    print(json.dumps({name: round(value - least[NONE], 2) for name, value in least.items() if name != NONE}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
