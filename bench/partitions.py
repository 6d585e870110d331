"""A table of 10,000,000 rows in one piece and in monthly partitions: `python -m bench.partitions`, about ten minutes.

Prints the table of docs/scaling.md.
"""

import argparse
import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import asyncpg

from testkit.projects import ROOT
from testkit.rendering import load_module

MONTHS = 36
TIMES = 300
DEVSERVER = ROOT / "template" / "{{package_dir}}" / "database" / "devserver.py"

COLUMNS = "(id uuid PRIMARY KEY, kind text NOT NULL, reference text NOT NULL, body jsonb NOT NULL)"
# The first UUIDv7 of a month.
BOUND = """
CREATE FUNCTION first_key(month timestamptz) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$
"""
# Run once a month, ahead of time.
PARTITION = """
DO $$
DECLARE month timestamptz := date_trunc('month', now() - interval '{} months');
BEGIN
    EXECUTE format(
        'CREATE TABLE %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
        'events_' || to_char(month, 'YYYY_MM'), first_key(month), first_key(month + interval '1 month')
    );
END $$
"""
# From the oldest to the newest, one in 100,000 of a rare kind.
FILL = """
INSERT INTO {table} (id, kind, reference, body)
SELECT
    uuidv7(
        (date_trunc('month', now() - interval '{months} months') - date_trunc('month', now())) * (n::float8 / {rows})
    ),
    CASE WHEN n % 100000 = 0 THEN 'rare' ELSE 'common' END, 'R' || n, '{{"source": "shop", "quantity": 3}}'
FROM generate_series({rows}, 1, -1) n
"""

PAGE = "SELECT * FROM {table} WHERE id < $1 ORDER BY id DESC LIMIT 20"
QUERIES = {
    "row by key": "SELECT * FROM {table} WHERE id = $1",
    "page, newest first": PAGE.replace("WHERE id < $1", "WHERE id IS DISTINCT FROM $1"),
    "page in the middle": PAGE,
    "page of a common kind": PAGE.replace("WHERE", "WHERE kind = 'common' AND"),
    "page of a rare kind": PAGE.replace("WHERE", "WHERE kind = 'rare' AND"),
    "row by another column": "SELECT * FROM {table} WHERE reference = (SELECT reference FROM one WHERE id = $1)",
}


async def main(rows: int, url: str) -> None:
    db = await asyncpg.connect(url)
    await db.execute(BOUND)
    await db.execute(f"CREATE TABLE whole {COLUMNS}; CREATE TABLE events {COLUMNS} PARTITION BY RANGE (id)")
    for month in range(MONTHS, -1, -1):
        await db.execute(PARTITION.format(month))
    await db.execute(FILL.format(table="whole", rows=rows, months=MONTHS))
    await db.execute("INSERT INTO events SELECT * FROM whole")
    for table in ("whole", "events"):
        await db.execute(f"CREATE INDEX ON {table} (kind, id); CREATE INDEX ON {table} (reference)")
    sample = min(100, 1_000_000 / rows)
    await db.execute(f"CREATE TABLE one AS SELECT id, reference FROM whole TABLESAMPLE BERNOULLI ({sample})")
    for statement in ("CREATE INDEX ON one (id)", "VACUUM ANALYZE", "CHECKPOINT"):
        await db.execute(statement)
    keys = [each["id"] for each in await db.fetch("SELECT id FROM one")]
    print("| | blocks | us | blocks, in partitions | us | partitions read |\n| --- | --- | --- | --- | --- | --- |")
    for name, query in QUERIES.items():
        row = [name]
        for table in ("whole", "events"):
            statement = query.format(table=table)
            plan = await explain(db, statement, keys[len(keys) // 2])
            row += [str(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]), await measure(db, statement, keys)]
        scans = [node for node in nodes(plan) if node.get("Relation Name", "").startswith("events_")]
        row.append(str(sum(node["Actual Loops"] > 0 for node in scans)))
        print(f"| {' | '.join(row)} |", flush=True)
    (oldest,) = await db.fetchrow(
        "SELECT relid::regclass::text FROM pg_partition_tree('events') WHERE isleaf ORDER BY 1 OFFSET 1 LIMIT 1"
    )
    count = await db.fetchval(f"SELECT count(*) FROM {oldest}")
    delete = f"DELETE FROM whole WHERE id IN (SELECT id FROM {oldest})"
    seconds = await timed(db, delete), await timed(db, f"DROP TABLE {oldest}")
    print(f"\nRemove a month, {count} rows: DELETE {seconds[0]:.1f} s, DROP {seconds[1] * 1000:.0f} ms.")
    await db.close()


async def timed(db: Any, statement: str) -> float:
    started = perf_counter()
    await db.execute(statement)
    return perf_counter() - started


async def measure(db: Any, query: str, keys: list[Any]) -> str:
    """The fastest in microseconds, with a prepared statement and rows of all ages: the machine does other work."""
    statement = await db.prepare(query)
    times = []
    for key in random.Random(0).choices(keys, k=TIMES):  # noqa: S311
        started = perf_counter()
        await statement.fetch(key)
        times.append(perf_counter() - started)
    return f"{min(times) * 1e6:.0f}"


async def explain(db: Any, query: str, key: Any) -> dict[str, Any]:
    text = await db.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}".replace("$1", f"'{key}'"))
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    arguments = parser.parse_args()
    with (
        TemporaryDirectory(dir=ROOT / ".cache") as folder,
        load_module(DEVSERVER).serve(Path(folder) / "data", database="bench") as url,
    ):
        asyncio.run(main(arguments.rows, url))
