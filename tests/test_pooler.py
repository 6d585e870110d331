"""Two processes behind PgBouncer, which gives a server connection to each transaction."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from testkit.pooler import keeps_prepared_statements, pgbouncer
from testkit.projects import ROOT, clean_environment, execute
from testkit.rendering import Render, administer, load_devserver

pytestmark = pytest.mark.slow

TABLE = """
    CREATE TABLE numbers AS SELECT id, id AS value, 0 AS written FROM generate_series(0, 1999) AS id;
    ALTER TABLE numbers ADD PRIMARY KEY (id)
"""
# What the service sends at the start of a connection when it knows of no pooler.
LIMITS = "statement_timeout, lock_timeout, idle_in_transaction_session_timeout, client_connection_check_interval"


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    return render()


def run_two_jobs(project: Path, url: str, pooler: str) -> Counter[str]:
    environment = {"PYTHONPATH": str(project / "src"), "DATABASE_URL": url, "DATABASE_POOLER": pooler}
    jobs = [
        subprocess.Popen(
            [sys.executable, ROOT / "testkit" / "pooled.py", number],
            cwd=project,
            env=clean_environment() | environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in ("0", "1")
    ]
    try:
        outputs = [job.communicate(timeout=90)[0] for job in jobs]
    finally:
        for job in jobs:
            job.kill()
    assert [job.returncode for job in jobs] == [0, 0]
    return sum((Counter(json.loads(output)) for output in outputs), Counter())


async def written(url: str) -> list[tuple[int, int]]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT written, count(*) FROM numbers GROUP BY written ORDER BY written")
    await connection.close()
    return [tuple(row) for row in rows]


async def count_prepared_statements(url: str) -> int:
    connection = await asyncpg.connect(url)
    count = await connection.fetchval("SELECT count(*) FROM pg_prepared_statements")
    await connection.close()
    return int(count)


def test_behind_a_pooler_every_result_is_right(project: Path, postgres: str) -> None:
    asyncio.run(administer(postgres, TABLE))
    with pgbouncer(postgres, load_devserver(project)) as url:
        assert run_two_jobs(project, url, "transaction") == {"right": 2000}
    # Every fourth statement writes, each to a row of its own.
    assert asyncio.run(written(postgres)) == [(0, 1500), (1, 500)]


def test_without_the_setting_results_are_wrong(project: Path, postgres: str) -> None:
    asyncio.run(administer(postgres, TABLE))
    with pgbouncer(postgres, load_devserver(project), ignore_startup_parameters=LIMITS) as url:
        results = run_two_jobs(project, url, "none")
    # Not only errors, but another statement's rows and no error.
    assert results["wrong"] > 0


def test_a_pgbouncer_that_keeps_statements_is_told_from_others(project: Path, postgres: str) -> None:
    """Those before 1.21 know no max_prepared_statements, and keep none."""
    asyncio.run(administer(postgres, TABLE))
    connect = (project, "python", "-m", "my_service.database")
    refused = "there is no PgBouncer that keeps prepared statements"
    assert refused in execute(*connect, DATABASE_URL=postgres, DATABASE_POOLER="pgbouncer")[1]
    off = {"max_prepared_statements": "0"} if keeps_prepared_statements() else {}
    with pgbouncer(postgres, load_devserver(project), **off) as url:
        for _ in range(2):  # the second time, another client's statement has the name
            status, output = execute(*connect, DATABASE_URL=url, DATABASE_POOLER="pgbouncer")
            assert (status, len(output.splitlines())) == (1, 1), output
            assert refused in output
            assert "set DATABASE_POOLER=transaction" in output


def test_behind_a_pgbouncer_that_keeps_statements_every_result_is_right(project: Path, postgres: str) -> None:
    if not keeps_prepared_statements():
        pytest.skip(
            "The pgbouncer on the PATH is older than 1.24, as Debian 12's is. Put a newer one first on the PATH."
        )
    asyncio.run(administer(postgres, TABLE))
    with pgbouncer(postgres, load_devserver(project)) as url:
        assert run_two_jobs(project, url, "pgbouncer") == {"right": 2000}
        kept = asyncio.run(count_prepared_statements(url))
    assert asyncio.run(written(postgres)) == [(0, 1500), (1, 500)]
    assert kept > 30
