"""The production command of a rendered service, on a PostgreSQL that no other test has."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from testkit.projects import run
from testkit.rendering import load_devserver
from testkit.service import Postgres, Service, Start, serve


@pytest.fixture(scope="package")
def embedded(probed: Path) -> Iterator[Postgres]:
    programs = load_devserver(probed)
    # Not in pytest's folder: the next run closes that to others, and with it to the account of PostgreSQL under root.
    with TemporaryDirectory() as folder, programs.serve(data := Path(folder) / "data", database="shop") as url:
        embedded = Postgres(programs, data, url)
        asyncio.run(embedded.fetch("ALTER SYSTEM SET log_connections = on"))
        asyncio.run(embedded.fetch("SELECT pg_reload_conf()"))
        run(probed, "alembic", "upgrade", "head", DATABASE_URL=url)
        yield embedded


@pytest.fixture
def start(probed: Path, embedded: Postgres, tmp_path: Path) -> Iterator[Start]:
    """Start the service, with other settings if need be. It ends with the test."""
    with ExitStack() as stack:

        def start(**environment: str) -> Service:
            environment = {"DATABASE_URL": embedded.url} | environment
            return stack.enter_context(serve(probed, tmp_path / "output", **environment))

        yield start
