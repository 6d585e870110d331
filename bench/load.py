"""wrk, and what it tells."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from .operations import Operation


@dataclass
class Load:
    requests: int
    seconds: float
    failed: int
    """Answers that were not the expected ones, and errors of the socket."""
    p50: float
    """In microseconds, as p95 and p99."""
    p95: float
    p99: float


def wrk() -> str:
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("The load generator wrk is missing: apt install wrk")
    return program


def load(url: str, operation: Operation, clients: int, seconds: int, first: int) -> Load:
    """Send the operation over this many connections. Raises RuntimeError when any answer is not as it should be."""
    answer = "" if operation.written else ask(url, operation)
    process = subprocess.run(
        [
            *(wrk(), "-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--timeout", "10s"),
            *(("-H", f"Authorization: {operation.authorization}") if operation.authorization else ()),
            *("-s", str(Path(__file__).with_name("load.lua")), url, "--"),
            *(operation.method, operation.path, str(operation.status), answer, operation.body, str(first)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    result = Load(**json.loads(process.stdout.splitlines()[-1]))
    if result.failed or not result.requests:
        raise RuntimeError(f"{result.failed} of {result.requests} answers to {operation} were wrong: {process.stdout}")
    return result


def ask(url: str, operation: Operation) -> str:
    headers = {"Authorization": operation.authorization} if operation.authorization else {}
    request = Request(url + operation.path, method=operation.method, headers=headers)  # noqa: S310
    with urlopen(request, timeout=10) as response:  # noqa: S310
        return str(response.read().decode())
