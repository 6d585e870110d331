"""Failovers of Patroni under a load of writes, counted: `make failover`.

Two processes of a rendered service write rows while the primary is killed, replaced, frozen and cut off. A write that
was acknowledged must be there once, and no answer may be other than 201 or 503 (504 from a frozen server).
"""

import argparse
import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any
from uuid import uuid4

import asyncpg
import copier
from httpx import AsyncClient, HTTPError, Limits

from testkit.network import inside
from testkit.patroni import Cluster, Node, cluster, find_missing
from testkit.projects import ROOT, run
from testkit.service import Service, serve

RATE = 100
"""Writes per second, whether the earlier ones were answered or not."""
SETTINGS = {
    "DATABASE_STATEMENT_TIMEOUT": "5",
    "DATABASE_CONNECT_TIMEOUT": "1",
    "DATABASE_POOL_TIMEOUT": "1",
    "DATABASE_STARTUP_TIMEOUT": "60",
}
CHART = ROOT / "docs" / "failover.svg"


@dataclass
class Writes:
    """What was answered, and when."""

    services: list[Service]
    answers: list[tuple[float, float, str, int]] = field(default_factory=list)
    """Sent, answered, the name that was written, and the status."""
    events: list[tuple[float, str]] = field(default_factory=list)

    async def write(self, clients: list[AsyncClient]) -> None:
        """Write until the task is cancelled. No name is sent twice."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self.write_one(clients[len(self.answers) % len(clients)]))
                await asyncio.sleep(1 / RATE)

    async def write_one(self, client: AsyncClient) -> None:
        sent, name = time(), str(uuid4())
        try:
            status = (await client.post("/authors", json={"name": name})).status_code
        except HTTPError:
            status = 0
        self.answers.append((sent, time(), name, status))

    def first_after(self, moment: float) -> float | None:
        """When the first write after this moment succeeded."""
        successes = (answered for _, answered, _, status in self.answers if status == 201 and answered > moment)
        return min(successes, default=None)

    def happened(self, event: str) -> float:
        self.events.append((time(), event))
        print(f"  {event}", flush=True)
        return time()


@dataclass
class Outcome:
    fault: str
    until_promotion: float
    until_write: float
    """Seconds from the fault."""
    left: int
    """Connections of the service on the old primary."""

    def __str__(self) -> str:
        late = self.until_write - self.until_promotion
        return (
            f"{self.fault:10} first write after {self.until_write:5.2f} s, {late:+.2f} s from the promotion; "
            f"{self.left} connections left on the old primary"
        )


def kill(node: Node) -> None:
    node.kill()


def switch(node: Node) -> None:
    print(f"  {node.ask('/switchover', {'leader': node.name})}")


def freeze(node: Node) -> None:
    node.send(signal.SIGSTOP)


def cut(node: Node) -> None:
    inside(node.name, "ip", "link", "set", "inner", "down")


FAULTS: dict[str, tuple[Callable[[Node], None], Callable[[Node], None]]] = {
    "switchover": (switch, lambda _: None),
    "kill -9": (kill, Node.start),
    "frozen": (freeze, lambda node: node.send(signal.SIGCONT)),
    "cut off": (cut, lambda node: inside(node.name, "ip", "link", "set", "inner", "up")),
}


async def provoke(nodes: Cluster, writes: Writes, fault: str) -> Outcome:
    begin, end = FAULTS[fault]
    old = await asyncio.to_thread(nodes.leader)
    others = [node for node in nodes.nodes if node is not old]
    began = writes.happened(fault)
    await asyncio.to_thread(begin, old)
    promoted = await found(lambda: first_promotion(others, began))
    writes.events.append((promoted, "promotion"))
    written = await found(lambda: writes.first_after(promoted))
    await asyncio.to_thread(end, old)
    await asyncio.to_thread(nodes.wait)
    writes.happened("complete again")
    left = await fetch(old.url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'my_service'")
    await asyncio.sleep(2)
    return Outcome(fault, promoted - began, written - began, int(left))


async def play(nodes: Cluster, writes: Writes, faults: list[str]) -> list[Outcome]:
    limits = Limits(max_connections=None, keepalive_expiry=1)  # uvicorn closes a connection after 5 seconds
    clients = [AsyncClient(base_url=each.url, timeout=60, limits=limits) for each in writes.services]
    load = asyncio.create_task(writes.write(clients))
    await asyncio.sleep(2)
    outcomes = [await provoke(nodes, writes, fault) for fault in faults]
    load.cancel()
    await asyncio.wait([load])
    for client in clients:
        await client.aclose()
    return outcomes


async def count(url: str, writes: Writes) -> tuple[int, int]:
    """How many acknowledged writes are lost, and how many rows are there twice."""
    connection = await asyncpg.connect(url)
    rows = Counter(row["name"] for row in await connection.fetch("SELECT name FROM authors"))
    await connection.close()
    lost = sum(status == 201 and name not in rows for _, _, name, status in writes.answers)
    return lost, sum(number > 1 for number in rows.values())


def draw(writes: Writes) -> Iterator[str]:
    """The answers per 100 ms, one bar for each, and the events."""
    start = min(sent for sent, *_ in writes.answers)
    bars: dict[int, Counter[int]] = {}
    for _, answered, _, status in writes.answers:
        bars.setdefault(int((answered - start) * 10), Counter())[status] += 1
    width, base = max(bars) + 20, 130
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 150" font-family="sans-serif" font-size="9">'
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    for position, counts in sorted(bars.items()):
        top = base
        for status, color in ((201, "#2a9d5c"), (503, "#e9a23b"), (504, "#d1495b")):
            if height := min(counts[status], 60):
                top -= height
                yield f'<rect x="{position}" y="{top}" width="1" height="{height}" fill="{color}"/>'
    for number, (moment, event) in enumerate(writes.events):
        x, y = int((moment - start) * 10), 10 + 10 * (number % 3)
        yield f'<path d="M{x} {y}V{base}" stroke="#666" stroke-width=".5"/><text x="{x + 2}" y="{y}">{event}</text>'
    for second in range(0, width // 10, 10):
        yield f'<text x="{second * 10}" y="145" fill="#666">{second} s</text>'
    yield "</svg>"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make failover", description=__doc__)
    parser.add_argument("--times", type=int, default=1, help="how often each fault happens")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--through", choices=("haproxy", "hosts"), default="haproxy", help="how the service connects")
    parser.add_argument("--asynchronous", action="store_true", help="let the primary answer before a standby has it")
    parser.add_argument("--keep", action="store_true", help="draw docs/failover.svg anew")
    options = parser.parse_args()
    if reason := find_missing():
        sys.exit(reason)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        project = folder / "project"
        copier.run_copy(str(ROOT), project, defaults=True, quiet=True, vcs_ref="HEAD")
        print("Starting three nodes ...", flush=True)
        nodes = stack.enter_context(cluster(not options.asynchronous))
        settings = SETTINGS | {"DATABASE_URL": nodes.url if options.through == "haproxy" else nodes.url_of_hosts}
        run(project, "alembic", "upgrade", "head", **settings)
        services = [stack.enter_context(serve(project, folder / f"output{number}", **settings)) for number in (1, 2)]
        writes = Writes(services)
        outcomes = asyncio.run(play(nodes, writes, options.faults * options.times))
        lost, doubled = asyncio.run(count(nodes.leader().url, writes))
    statuses = Counter(status for *_, status in writes.answers)
    print(*outcomes, sep="\n")
    print(f"{len(writes.answers)} writes: " + ", ".join(f"{number} x {status}" for status, number in statuses.items()))
    print(f"{lost} acknowledged writes lost, {doubled} written twice")
    if options.keep:
        CHART.write_text("\n".join(draw(writes)) + "\n")
    failed = doubled or statuses.keys() - {201, 503, 504} or any(outcome.left for outcome in outcomes)
    if failed or (lost and not options.asynchronous):
        sys.exit("This must not happen.")


def first_promotion(nodes: list[Node], moment: float) -> float | None:
    return min((each for node in nodes for each in node.promotions() if each > moment), default=None)


async def found(find: Callable[[], float | None]) -> float:
    async with asyncio.timeout(90):
        while (result := find()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return result


async def fetch(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
