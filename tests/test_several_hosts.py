"""A URL with several hosts, wherever a service reads one. Its first host never answers."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from testkit.projects import PYTEST, outcome, run
from testkit.rendering import Render

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    return render()


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    """`postgresql://user@silent:port,server:port/name?...`, as other drivers are given it."""
    parts = urlsplit(postgres)
    query = parse_qs(parts.query)
    user, _, address = parts.netloc.rpartition("@")
    server = quote(query["host"][0], safe="") + f":{query['port'][0]}" if query else address
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"127.0.0.1:{silent.getsockname()[1]},{server}"
        yield f"postgresql://{user}@{hosts}{parts.path}?target_session_attrs=read-write&connect_timeout=1"


@pytest.mark.parametrize("attribute", ["read-write", "prefer-standby"])
def test_the_layer(project: Path, url: str, attribute: str) -> None:
    chosen = url.replace("read-write", attribute)
    output = run(project, "python", "-m", "my_service.database", DATABASE_URL=chosen)
    assert output.startswith("Connected to database")


def test_alembic(project: Path, url: str) -> None:
    run(project, "alembic", "upgrade", "head", DATABASE_URL=url)
    assert "0001 (head)" in run(project, "alembic", "current", DATABASE_URL=url)


def test_the_development_server(project: Path, url: str) -> None:
    output = run(project, "python", "-m", "my_service.database.devserver", "true", DATABASE_URL=url)
    assert output.startswith("Database: 127.0.0.1:")


def test_the_suite(project: Path, url: str) -> None:
    output = run(project, *PYTEST, "--database=postgres", "tests/test_health.py", TEST_DATABASE_URL=url)
    assert set(outcome(output)) == {"passed"}


def test_every_host_is_named_when_none_answers(project: Path, url: str) -> None:
    nobody = url.replace("read-write", "standby")
    with pytest.raises(AssertionError) as caught:
        run(project, "python", "-m", "my_service.database", DATABASE_URL=nobody, DATABASE_STARTUP_TIMEOUT="1.5")
    assert re.search(r": 127\.0\.0\.1:\d+: no answer in time; /", str(caught.value))
    assert "the server is not standby" in str(caught.value)
    assert "Traceback" not in str(caught.value)
