"""What a service logs, in the image's format and in that of `make run`, whatever a client sends."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from testkit.collector import collect
from testkit.service import Service, Start, migrated

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

SECRET = "s3cret"  # noqa: S105
FORGED = '\r\n2026-01-01 CRITICAL forged\x1b[31m\n{"level": "CRITICAL"}\u2028\x85\x00'
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-00"
RECORD = re.compile(r"\d\d:\d\d:\d\d (INFO|WARNING|ERROR)\s+[\w.]+: .*")


@pytest.fixture
def start(probed: Path, postgres: str, tmp_path: Path) -> Iterator[Start]:
    with migrated(probed, tmp_path / "output", DATABASE_URL=postgres) as start:
        yield start


def stop(service: Service) -> list[str]:
    """Stop the service. Returns the lines that it wrote."""
    service.process.terminate()
    service.process.wait(30)
    return service.output.read_text().split("\n")[:-1]


def records(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stop(service)]


def of_logger(lines: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["logger"].endswith(name)]


async def test_each_line_is_one_object(start: Start) -> None:
    service = start(LOG_FORMAT="json", WEB_CONCURRENCY="2")
    async with service.client() as client:
        await client.get(f"/books/7?token={SECRET}", headers={"authorization": f"Bearer {SECRET}"})
        await client.get("/livez")
    lines = records(service)
    assert SECRET not in repr(lines)
    # All processes, also the parent, which does not import the application.
    assert {"Started parent process", "Application startup complete."} <= {
        re.sub(r" \[\d+\]$", "", line["message"]) for line in lines
    }
    for line in lines:
        assert line["level"] == "INFO"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
    (line,) = of_logger(lines, "request_log")
    assert line["method"], line["route"] == ("GET", "/books/{book_id}")
    assert (line["status"], line["client"]) == (404, "127.0.0.1")
    assert 0 < line["duration"] < 60
    assert line["message"].startswith("GET /books/{book_id} 404 in ")
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"])


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_client_forges_a_line(start: Start, log_format: str) -> None:
    service = start(LOG_FORMAT=log_format)
    # httptools refuses most control characters in a header.
    header = FORGED.encode("latin-1", "replace").translate(None, b"\r\n\0\x1b")
    async with service.client() as client:
        assert (await client.get(f"/log/{quote(FORGED)}", headers={b"header": header})).status_code == 200
        assert (await client.get(f"/nowhere/{quote(FORGED)}")).status_code == 404
        await client.get("/log/a", headers={b"x-request-id": header})
    lines = stop(service)
    text = "\n".join(lines)
    assert "forged" in text
    assert not re.search(r"[^\n\x20-\x7e]", text.replace("\u00e9", ""))
    if log_format == "json":
        assert {json.loads(line)["level"] for line in lines} == {"INFO", "WARNING"}
        assert len([line for line in lines if '"Seen' in line]) == 2
    else:
        assert [line for line in lines if not RECORD.fullmatch(line) and not line.startswith("    ")] == []


async def test_a_request_id_is_accepted_if_it_is_safe(start: Start) -> None:
    sane = ["abc-1.2:3/4=@+_", "x" * 128]
    async with start().client() as client:
        for sent in [*sane, "", "x" * 129, "a b", "a\tb", "\xe9", 'a"b', "a\\b"]:
            answer = await client.get("/livez", headers={b"x-request-id": sent.encode("latin-1")})
            (given,) = answer.headers.get_list("x-request-id")
            assert (given == sent) == (sent in sane)
            assert re.fullmatch(r"[\w.:+/=@-]+", given, re.ASCII)


async def test_a_5xx_is_found_in_the_log_and_in_the_trace(start: Start) -> None:
    with collect() as collector:
        service = start(
            LOG_FORMAT="json", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, DATABASE_STATEMENT_TIMEOUT="1"
        )
        async with service.client() as client:
            failed = {"x-request-id": "failed", "traceparent": TRACEPARENT}
            timeout = await client.get("/sleep/read?seconds=60", headers=failed)
            bug = await client.get("/bug", headers=failed)
        lines = records(service)
    for answer, status in ((timeout, 504), (bug, 500)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == "failed"
    (slow, error, request, request_of_bug, unexpected) = [line for line in lines if line.get("request_id") == "failed"]
    assert (slow["level"], slow["route"]) == ("WARNING", "/sleep/read")
    assert slow["duration"] >= 1
    assert slow["message"].endswith(": SELECT pg_sleep($1)")
    assert (error["level"], error["route"]) == ("ERROR", "/sleep/read")
    assert (request["status"], request_of_bug["status"]) == (504, 500)
    assert unexpected["logger"] == "uvicorn.error"
    assert unexpected["exception.type"] == "RuntimeError"
    assert "in bug\n" in unexpected["exception.stacktrace"]
    assert {line["trace_id"] for line in (slow, error, request, request_of_bug, unexpected)} == {TRACE_ID}


async def test_an_invalid_value_is_not_quoted(start: Start) -> None:
    service = start(LOG_FORMAT="json")
    async with service.client() as client:
        assert (await client.get("/invalid-response")).status_code == 500
    lines = records(service)
    assert SECRET not in repr(lines)
    (line,) = [line for line in lines if line["level"] == "ERROR"]
    assert line["exception.type"] == "fastapi.exceptions.ResponseValidationError"
    assert line["exception.message"].startswith("response.pages: Input should be a valid integer")


async def test_a_websocket_is_one_line_without_its_query(start: Start) -> None:
    service = start(LOG_FORMAT="json")
    # Without a client library: what matters is the request.
    address = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"GET /socket/a?token={SECRET} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    await reader.read()
    writer.close()
    lines = records(service)
    assert SECRET not in repr(lines)
    (line,) = of_logger(lines, "request_log")
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/socket/{value}", 101)


async def test_the_text_shows_statements_on_request(start: Start) -> None:
    service = start(DATABASE_ECHO="true")
    async with service.client() as client:
        await client.get("/authors")
    lines = stop(service)
    (select,) = [number for number, line in enumerate(lines) if "SELECT authors.id" in line]
    assert lines[select].split(" ", 1)[1].startswith("INFO    sqlalchemy.engine.Engine: SELECT authors.id")
    assert lines[select + 1].startswith("    FROM authors")
    assert lines[-1].endswith("]") or "process" in lines[-1]
    assert any(
        re.fullmatch(r"\d\d:\d\d:\d\d INFO\s+my_service\S+: GET /authors 200 in [\d.]+ ms", line) for line in lines
    )
