"""Requests over sockets: CPU, rate and latency, in rounds in which the contestants take turns."""

import asyncio
import json
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from .load import ask, load
from .operations import OPERATIONS, ROWS, page_after
from .servers import CONTESTANTS, Server, serve

CLIENTS = (1, 16, 64)
# Each writing operation goes on where it ended: no row is written twice.
next_number = {name: operation.first for name, operation in OPERATIONS.items()}


def measure_traffic(project: Path, url: str, rounds: int, seconds: int) -> dict[str, Any]:
    """Medians of rounds in which the contestants take turns."""
    figures: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serve(name, project, url)) for name in CONTESTANTS}
        check_answers(servers)
        keyset = measure_keyset(servers["service"], rounds, seconds)
        cells = [
            (operation, clients, name, server)
            for operation in OPERATIONS
            for clients in CLIENTS
            for name, server in servers.items()
        ]
        for number in range(-1, rounds):  # once to warm up
            print(f"Round {number + 1} of {rounds} ...", flush=True)
            for operation, clients, name, server in cells:
                if number < 0 and clients != max(CLIENTS):
                    continue
                figure = measure(server, url, operation, clients, seconds)
                for key, value in figure.items() if number >= 0 else ():
                    figures[operation][name][f"{key} at {clients}"].append(value)
        memory = {name: round(server.memory(), 1) for name, server in servers.items()}
    operations = {
        operation: {
            name: {key: round(median(values), 4) for key, values in each.items()} for name, each in contestants.items()
        }
        for operation, contestants in figures.items()
    }
    return {"operations": operations, "resident MiB": memory, "keyset": keyset}


def measure(server: Server, url: str, operation: str, clients: int, seconds: int) -> dict[str, float]:
    request = OPERATIONS[operation]
    first = next_number[operation]
    sessions, cpu = count_sessions(url), server.cpu()
    result = load(server.url, request, clients, seconds, first)
    cpu, sessions = server.cpu() - cpu, count_sessions(url) - sessions - 1  # one of them counts
    if request.written:
        # What wrk had under way when it ended was written, and not counted.
        last = first + result.requests + clients
        next_number[operation] = last
        written = asyncio.run(fetch(url, request.written, first, last))
        if not result.requests <= written <= result.requests + clients:
            raise RuntimeError(f"{operation}: {result.requests} answers, {written} rows")
    return {
        "cpu us": cpu / result.requests * 1e6,
        "requests per second": result.requests / result.seconds,
        "p50 us": result.p50,
        "p95 us": result.p95,
        "p99 us": result.p99,
        "sessions per request": sessions / result.requests,
    }


def check_answers(servers: dict[str, Server]) -> None:
    """All contestants answer the same rows."""
    for name, operation in OPERATIONS.items():
        if not operation.written:
            answers = [json.loads(ask(server.url, operation)) for server in servers.values()]
            rows = [answer.get("items", answer) if isinstance(answer, dict) else answer for answer in answers]
            if any(each != rows[0] for each in rows):
                raise RuntimeError(f"The contestants answer {name} differently: {rows}")


def measure_keyset(server: Server, rounds: int, seconds: int) -> dict[str, float]:
    figures: dict[str, list[float]] = {"first page": [], f"page at row {ROWS - 20}": []}
    for _ in range(rounds):
        for values, number in zip(figures.values(), (0, ROWS - 20), strict=True):
            # Both with a cursor: what differs is the place.
            values.append(load(server.url, page_after(number), 1, seconds, 0).p50)
    return {f"{name}, p50 us": median(values) for name, values in figures.items()}


def count_sessions(url: str) -> int:
    """How many sessions the database has seen, this question's own included."""
    return int(asyncio.run(fetch(url, "SELECT sessions FROM pg_stat_database WHERE datname = current_database()")))


async def fetch(url: str, statement: str, *arguments: object) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()
