"""A service behind nginx, as docs/operations.md recommends it: whom it trusts, and what never reaches it."""

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testkit import proxy
from testkit.service import Service, serve, wait_for_output

pytestmark = pytest.mark.slow

CLIENT = "127.0.0.3"
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def service(probed: Path, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    variables = {"FORWARDED_ALLOW_IPS": proxy.ADDRESS, "LOG_FORMAT": "json", "DATABASE_URL": server}
    with serve(probed, tmp_path_factory.mktemp("service") / "output", **variables) as service:
        yield service


@pytest.fixture(scope="module")
def port(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with proxy.nginx(service.url, tmp_path_factory.mktemp("nginx")) as port:
        yield port


def get(url: str, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.HTTPTransport(local_address=CLIENT, verify=False)
    with httpx.Client(transport=transport) as client:
        return client.get(url, headers=headers)


def ask(service: Service, url: str, headers: dict[str, str]) -> httpx.Response:
    """Ask for `/client`, and wait for the line in the log, which follows the response."""
    before = service.output.read_text().count('"/client"')
    answer = get(f"{url}/client", headers)
    wait_for_output(service.process, service.output, '"/client"', before + 1)
    return answer


def test_the_client_of_a_trusted_proxy(service: Service, port: int) -> None:
    answer = ask(service, f"https://127.0.0.1:{port}", FORGED | {"X-Forwarded-Proto": "http"})
    assert answer.json() == {"address": CLIENT, "scheme": "https"}
    assert lines(service)[-1]["client"] == CLIENT


def test_a_stranger_is_not_believed(service: Service) -> None:
    assert ask(service, service.url, FORGED).json() == {"address": CLIENT, "scheme": "http"}
    assert lines(service)[-1]["client"] == CLIENT


# A path that only these requests have, so that the log shows whether one arrived.
POST = b"POST /authors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("request_start", "answer"),
    [
        (POST, b""),
        (POST + b'Content-Length: 20\r\n\r\n{"name"', b""),
        (POST + b"X-Large: " + b"x" * 40_000, b"HTTP/1.1 400 "),
        (POST + b"Content-Length: 2000000\r\n\r\n{", b"HTTP/1.1 413 "),
    ],
    ids=["slow header", "slow body", "large header", "large body"],
)
def test_nginx_keeps_slow_and_large_requests(service: Service, port: int, request_start: bytes, answer: bytes) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain, context.wrap_socket(plain) as client:
        client.sendall(request_start)
        received = client.recv(1000)
    assert received[: len(answer) or None] == answer
    ask(service, service.url, {})
    assert [line for line in lines(service) if line["route"] == "/authors"] == []


def lines(service: Service) -> list[dict[str, object]]:
    """What the service has logged of requests."""
    logged = [json.loads(line) for line in service.output.read_text().splitlines()]
    return [line for line in logged if "client" in line]
