"""Starting while PostgreSQL is down, slow to start, or short of connections."""

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

import pytest

from testkit.edits import replace
from testkit.service import Postgres, Start, launch, wait_for_output

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_start_without_a_server_is_one_sentence(probed: Path, tmp_path: Path, workers: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        port = nobody.getsockname()[1]
        url = f"postgresql://ann:s3cret@127.0.0.1:{port}/shop"
        status, output = fail_to_start(
            probed, tmp_path, DATABASE_URL=url, DATABASE_STARTUP_TIMEOUT="0.5", WEB_CONCURRENCY=workers
        )
    assert status != 0
    sentence = f"Cannot connect to PostgreSQL at 127.0.0.1:{port}, database 'shop', user 'ann', within 0.5 s: "
    assert output.count(sentence) == 1
    assert "s3cret" not in output
    assert "Traceback" not in output


async def test_a_start_waits_for_a_server_that_comes_late(probed: Path, embedded: Postgres, tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {"DATABASE_URL": embedded.url, "DATABASE_STARTUP_TIMEOUT": "30"}
    with ExitStack() as stack:
        with embedded.stopped():
            process = stack.enter_context(launch(probed, output, **environment))
            wait_for_output(process, output, "Waiting for application startup")
            await asyncio.sleep(0.5)
        wait_for_output(process, output, "Application startup complete")


async def test_a_start_without_a_url_is_one_sentence(probed: Path, tmp_path: Path) -> None:
    status, output = fail_to_start(probed, tmp_path)
    assert status != 0
    assert output.count("DATABASE_URL is not set") == 1
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("line", "status"), [("        gc.set_threshold(10_000)", 3), ("import gc", 1)], ids=["lifespan", "import"]
)
async def test_workers_that_cannot_start_end_the_service(
    probed: Path, embedded: Postgres, tmp_path: Path, line: str, status: int
) -> None:
    project = copytree(probed, tmp_path / "project")
    indent = line[: -len(line.lstrip())]
    replace(project / "src" / "my_service" / "main.py", line, f'{indent}raise RuntimeError("bug")')
    ended, output = fail_to_start(project, tmp_path, DATABASE_URL=embedded.url, WEB_CONCURRENCY="2")
    assert "RuntimeError: bug" in output
    assert ended == status


def fail_to_start(probed: Path, folder: Path, **environment: str) -> tuple[int, str]:
    with launch(probed, folder / "output", **environment) as process:
        return process.wait(30), (folder / "output").read_text()


async def test_warns_of_more_connections_than_the_server_has(start: Start) -> None:
    service = start(WEB_CONCURRENCY="2", DATABASE_POOL_SIZE="50")
    assert "2 processes x (50 pooled connections + 1 for probes) = 102 is more" in service.output.read_text()
