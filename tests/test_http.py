"""What a service answers and logs, in the process that serves it."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from testkit import schemathesis_hooks
from testkit.combinations import SERVICES
from testkit.projects import run
from testkit.rendering import Render
from testkit.service import Service, serve, wait_for_output

pytestmark = pytest.mark.slow

BOOK = {"title": "s3cret", "isbn": "9780060125639", "pages": 341, "author_id": 1}


@pytest.mark.parametrize("combination", ["default", "everything", "uuid7_bare"])
def test_schemathesis_finds_nothing(render: Render, postgres: str, tmp_path: Path, combination: str) -> None:
    project = render(**SERVICES[combination])
    run(project, "alembic", "upgrade", "head", DATABASE_URL=postgres)
    command = ("schemathesis", "run", "--checks=all", "--continue-on-failure", "--seed=1", "--max-examples=10")
    paths = "--exclude-path-regex=/confirm$"  # only a mail has a token that is valid
    environment = {"DATABASE_URL": postgres, "DOCS_ENABLED": "true", "ACCOUNTS_PRINT_MAIL": "true"}
    with serve(project, tmp_path / "output", **environment) as service:
        run(
            project, *command, paths, f"{service.url}/openapi.json", SCHEMATHESIS_HOOKS=str(schemathesis_hooks.__file__)
        )
        assert re.search(r"\bERROR\b", service.output.read_text()) is None


@pytest.fixture(params=["false", "true"])
def log_values(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(probed: Path, postgres: str, tmp_path: Path, log_values: str) -> Iterator[Service]:
    run(probed, "alembic", "upgrade", "head", DATABASE_URL=postgres)
    with serve(probed, tmp_path / "output", DATABASE_URL=postgres, DATABASE_LOG_VALUES=log_values) as service:
        yield service


def test_logs_hold_values_only_on_request(service: Service, log_values: str) -> None:
    with httpx.Client(base_url=service.url) as client:
        assert client.post("/authors", json={"name": "Ursula K. Le Guin"}).status_code == 201
        assert [client.post("/books", json=BOOK).status_code for _ in range(2)] == [201, 409]
        forgotten = client.post("/forget", json={"title": BOOK["title"]})
    assert forgotten.status_code == 500
    assert forgotten.headers["content-type"] == "application/problem+json"
    assert "s3cret" not in forgotten.text
    # The server writes the traceback after the response.
    wait_for_output(service.process, service.output, "(Background on this error at", 2)
    log = service.output.read_text()
    assert "POST create_book: 409 " in log
    assert 'null value in column "author_id" of relation "books"' in log
    assert len(re.findall(r"\bERROR\b", log)) == 1
    assert ("s3cret" in log) == (log_values == "true")


@pytest.mark.parametrize("log_values", ["true"], indirect=True)
def test_a_path_cannot_forge_a_line(service: Service) -> None:
    with httpx.Client(base_url=service.url) as client:
        for path in ("/authors/a%0aCRITICAL%1b[31m", "/forget?%0aCRITICAL%1b[31m"):
            client.post(path)
    log = service.output.read_text()
    assert log.count("CRITICAL") == 1  # in the path; no line holds a query string
    assert re.search(r"^CRITICAL|\x1b", log, re.MULTILINE) is None


@pytest.mark.parametrize("log_values", ["true"], indirect=True)
def test_a_client_is_not_asked_for_a_body_that_is_too_long(service: Service) -> None:
    async def refused() -> bytes:
        address = urlsplit(service.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        headers = "Content-Type: application/json\r\nContent-Length: 2000000\r\nExpect: 100-continue"
        writer.write(f"POST /authors HTTP/1.1\r\nHost: test\r\n{headers}\r\n\r\n".encode())
        answer = await reader.readline()
        writer.close()
        return answer

    assert asyncio.run(refused()).startswith(b"HTTP/1.1 413 ")
