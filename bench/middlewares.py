"""What each middleware costs a request, without server and database: `python -m bench.middlewares`."""

import asyncio
import sys
from collections.abc import Callable
from importlib import import_module
from shutil import rmtree
from statistics import median
from time import process_time
from typing import Any

import copier
from starlette.middleware.cors import CORSMiddleware

from testkit.projects import ROOT

from .__main__ import make_template

FOLDER = ROOT / ".cache" / "bench-middlewares"
REQUESTS = 20_000
ROUNDS = 15
RESPONSE: list[dict[str, Any]] = [
    {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-length", b"2"), (b"content-type", b"application/json"), (b"x-request-id", b"1")],
    },
    {"type": "http.response.body", "body": b"{}"},
]
SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/books/1",
    "headers": [(b"host", b"api.example.com"), (b"origin", b"https://app.example.com")],
}


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    for message in RESPONSE:
        await send(dict(message))


async def receive() -> Any: ...


async def send(_message: Any) -> None: ...


async def measure(handle: Callable[..., Any]) -> float:
    """Microseconds of CPU per request."""
    started = process_time()
    for _ in range(REQUESTS):
        await handle(dict(SCOPE), receive, send)
    return (process_time() - started) / REQUESTS * 1e6


def main() -> None:
    rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    copier.run_copy(str(make_template(FOLDER / "template")), FOLDER / "service", defaults=True, quiet=True)
    sys.path.append(str(FOLDER / "service" / "src"))
    middleware = import_module("my_service.middleware")
    variants = {
        "none": app,
        "none, once more": app,
        "DefaultHeadersMiddleware": middleware.DefaultHeadersMiddleware(app),
        "AllowedHostsMiddleware": middleware.AllowedHostsMiddleware(app, ["api.example.com"]),
        "CORSMiddleware": CORSMiddleware(app, ["https://app.example.com"]),
        "RequestBodyLimitMiddleware": middleware.RequestBodyLimitMiddleware(app, 1024),
        "CancelOnDisconnectMiddleware": middleware.CancelOnDisconnectMiddleware(app),
    }
    rounds = [{name: asyncio.run(measure(each)) for name, each in variants.items()} for _ in range(ROUNDS)]
    for name in variants:
        print(f"{name:30}{median(each[name] - each['none'] for each in rounds):6.2f} us")


if __name__ == "__main__":
    main()
