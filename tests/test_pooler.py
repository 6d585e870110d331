"""Two processes behind PgBouncer, which gives a server connection to each transaction."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import make_url

from testkit.projects import ROOT, clean_environment
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


@contextmanager
def pgbouncer(postgres: str, programs: Any, **settings: str) -> Iterator[str]:
    """The URL of PgBouncer in transaction mode, with two connections to this database."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        reason = "There is no pgbouncer here. On Debian: apt-get install pgbouncer"
        if "CI" in os.environ:  # where nobody reads what was skipped
            pytest.fail(reason)
        pytest.skip(reason)
    url = make_url(postgres)
    server = {
        "host": url.query.get("host") or url.host,
        "port": url.query.get("port") or url.port or 5432,
        "dbname": url.database,
        "user": url.username,
        "password": url.password,
    }
    with TemporaryDirectory() as folder:
        programs.give_away(Path(folder))
        configuration = {
            "unix_socket_dir": folder,
            "listen_port": "6432",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": "2",
            **settings,
        }
        lines = ["[databases]", "* = " + " ".join(f"{name}='{value}'" for name, value in server.items() if value)]
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in configuration.items())]
        file = Path(folder) / "pgbouncer.ini"
        file.write_text("\n".join(lines))
        with (Path(folder) / "log").open("w") as log:
            account = programs.ACCOUNT  # PgBouncer refuses to run as root, as PostgreSQL does
            process = subprocess.Popen(
                [program, file],
                stdout=log,
                stderr=log,
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=account and [],
            )
        try:
            deadline = monotonic() + 30
            while not (Path(folder) / ".s.PGSQL.6432").exists():
                assert process.poll() is None, (Path(folder) / "log").read_text()
                assert monotonic() < deadline, (Path(folder) / "log").read_text()
                sleep(0.05)
            yield f"postgresql://anybody@/{url.database}?host={quote(folder)}&port=6432"
        finally:
            process.kill()
            process.wait()


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


def test_behind_a_pooler_every_result_is_right(project: Path, postgres: str) -> None:
    asyncio.run(administer(postgres, TABLE))
    with pgbouncer(postgres, load_devserver(project)) as url:
        assert run_two_jobs(project, url, "transaction") == {"right": 2000}
    # Every fourth statement writes, each to a row of its own.
    assert asyncio.run(written(postgres)) == [(0, 1500), (1, 500)]


def test_the_danger_is_real(project: Path, postgres: str) -> None:
    asyncio.run(administer(postgres, TABLE))
    with pgbouncer(postgres, load_devserver(project), ignore_startup_parameters=LIMITS) as url:
        results = run_two_jobs(project, url, "none")
    # Not only errors, but another statement's rows and no error.
    assert results["wrong"] > 0
