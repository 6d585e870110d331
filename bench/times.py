"""What a person waits for: a start, `copier copy`, the rendered suites."""

import json
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import copier

from testkit.projects import commit, run

from .servers import CONTESTANTS, import_seconds, serve


def measure_starts(project: Path, url: str, rounds: int) -> dict[str, dict[str, float]]:
    starts: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in CONTESTANTS}
    for name in [*CONTESTANTS] * rounds:
        starts[name]["import s"].append(import_seconds(name, project, url))
        with serve(name, project, url) as server:
            starts[name]["first 200 s"].append(server.first_answer)
    return {name: {key: round(median(values), 3) for key, values in each.items()} for name, each in starts.items()}


STREAM = """
import asyncio, json, tracemalloc
from my_service.books.models import Book
from my_service.database import close_db, init_db
from my_service.settings import Settings
from sqlalchemy import select

async def main():
    database = await init_db(Settings().database)
    async with database.read_scope("REPEATABLE READ") as db:
        rows = await db.stream_scalars(select(Book).limit(100_000), execution_options={"yield_per": 1000})
        tracemalloc.start()
        count = 0
        async for row in rows:
            count += 1
            if count == 10_000:
                early = tracemalloc.get_traced_memory()[1]
    peak = tracemalloc.get_traced_memory()[1]
    print(json.dumps({"peak in the first tenth": early // 1024, "peak": peak // 1024}))
    await close_db(database)

asyncio.run(main())
"""


def measure_stream(project: Path, url: str) -> dict[str, float]:
    """What Python holds at most, while the service's layer reads a large table in batches of 1,000."""
    return dict(json.loads(run(project, "python", "-c", STREAM, DATABASE_URL=url)))


def measure_copy(template: Path, rounds: int) -> dict[str, float]:
    """`copier copy` of this template, and of one that is nothing but the files that come out of it."""
    plain = template.with_name("plain")
    copier.run_copy(str(template), plain, defaults=True, quiet=True)
    (plain / ".copier-answers.yml").unlink()
    commit(plain, "Plain files")
    figures: dict[str, list[float]] = {"this template": [], "plain files": []}
    for number in range(rounds):
        for values, source in zip(figures.values(), (template, plain), strict=True):
            copied = template.with_name(f"{source.name}-{number}")
            command = ("copier", "copy", "--quiet", "--defaults", "--vcs-ref", "HEAD", str(source), str(copied))
            values.append(timed(template, *command))
    return {name: round(median(values), 3) for name, values in figures.items()}


def measure_suites(project: Path, rounds: int) -> dict[str, float]:
    """The rendered service's own suites, as `make test` runs them: on PostgreSQL with the server's start."""
    quick = ("pytest", "-q", "-p", "no:hypothesispytest")  # a plugin that a service does not have
    suites = {"sqlite": quick, "postgres": (*quick, "--database=postgres")}
    timed(project, *suites["sqlite"])  # compiles
    return {name: round(median(timed(project, *suite) for _ in range(rounds)), 2) for name, suite in suites.items()}


def timed(folder: Path, *command: str) -> float:
    started = time.perf_counter()
    run(folder, *command, PYTHONDONTWRITEBYTECODE="")
    return time.perf_counter() - started
