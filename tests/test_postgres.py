"""Where the server of a project's tests has its data, what it keeps, and when it ends."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest

from testkit.edits import package
from testkit.projects import BIN, clean_environment
from testkit.rendering import Render, load_devserver


@pytest.mark.parametrize("memory", [True, False])
def test_data_is_in_memory_where_there_is_some(render: Render, workspace: Path, memory: bool) -> None:
    project = render()
    postgres = load_devserver(project)
    postgres.MEMORY = Path(mkdtemp(dir=workspace)) if memory else project / "none"
    with postgres.serve() as url:
        data = Path(asyncio.run(find_data(url)))
    assert data.is_relative_to(postgres.MEMORY if memory else project / ".data")
    assert not data.exists()


async def find_data(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()


# Prints the process of the server and its databases, in one line, and keeps it until its input ends.
TESTS = """
import asyncio, sys
from tests.database.backends import cloned, connect, template_database

async def look(template):
    async with cloned(template) as url:
        connection = await connect(url)
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        pid = (await connection.fetchval("SELECT pg_read_file('postmaster.pid')")).split()[0]
        print(pid, tables, flush=True)
        await connection.close()

with template_database() as template:
    asyncio.run(look(template))
    sys.stdin.read()
"""


def start_tests(project: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [BIN / "python", "-c", TESTS],
        cwd=project,
        env=clean_environment() | {"PYTHONPATH": f"{project / 'src'}:{project}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def look(tests: "subprocess.Popen[str]") -> tuple[int, int]:
    """The process of the server of these tests, and how many tables their database has."""
    assert tests.stdout
    pid, tables = tests.stdout.readline().split()
    return int(pid), int(tables)


def ends(pid: int) -> bool:
    """Whether the server ends. A watcher stops it about a second after its last user, and somebody has to reap it."""
    for _ in range(100):
        if not is_running(pid):
            return True
        time.sleep(0.1)
    return False


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kept(project: Path) -> dict[str, int]:
    """The folders of migrated data, and which they are."""
    return {folder.name: folder.stat().st_ino for folder in project.glob(".data/migrated-*/")}


@pytest.mark.slow
def test_migrated_data_is_kept_and_no_server_is_left(render: Render) -> None:
    project = render()
    both = [start_tests(project), start_tests(project)]
    (pid, tables), other = map(look, both)
    assert other == (pid, tables)  # one server, made once
    assert tables == 5  # of the example, of Alembic, and of the layer's own tests
    before = kept(project)
    assert len(before) == 1
    both[0].send_signal(signal.SIGKILL)
    both[0].communicate()
    assert is_running(pid)  # the other one uses it
    both[1].send_signal(signal.SIGKILL)
    both[1].communicate()
    assert ends(pid)

    again = start_tests(project)
    assert look(again)[1] == tables
    assert kept(project) == before
    again.communicate("")
    (migration,) = (package(project) / "database" / "migrations" / "versions").glob("*.py")
    migration.write_text(f"{migration.read_text()}\n# changed\n")
    changed = start_tests(project)
    pid, _ = look(changed)
    changed.communicate("")
    assert ends(pid)
    assert len(kept(project)) == 1
    assert kept(project).keys() != before.keys()
