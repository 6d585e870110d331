"""What a service answers to strangers: headers, hosts, origins and documentation, with and without settings."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from testkit.projects import run
from testkit.service import Service, serve

pytestmark = pytest.mark.slow

HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "frame-ancestors 'none'",
}
APP = {"Origin": "https://app.example.com"}
STRANGER = {"Origin": "https://stranger.example.com"}
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
def service(probed: Path, postgres: str, tmp_path: Path, settings: dict[str, str]) -> Iterator[Service]:
    with serve(probed, tmp_path / "output", DATABASE_URL=postgres, **settings) as service:
        yield service


def new_client(service: Service, **headers: str) -> httpx.Client:
    # A connection for each request, because uvicorn closes it after an unexpected error.
    return httpx.Client(base_url=service.url, headers=headers, limits=httpx.Limits(max_keepalive_connections=0))


@pytest.mark.parametrize("settings", [{}, {"DOCS_ENABLED": "true"}], ids=["default", "documentation"])
def test_every_response_has_the_default_headers(service: Service, settings: dict[str, str]) -> None:
    documentation = 200 if settings else 404
    statuses = {
        "/livez": 200,
        "/nowhere": 404,
        "/books/x": 422,
        "/bug": 500,
        "/docs": documentation,
        "/redoc": documentation,
        "/openapi.json": documentation,
    }
    with new_client(service) as client:
        responses = {path: client.get(path) for path in statuses}
        responses["/authors"] = client.post("/authors", content=b" " * 2_000_000)
    assert {path: response.status_code for path, response in responses.items()} == statuses | {"/authors": 413}
    for path, response in responses.items():
        assert HEADERS.items() <= response.headers.items(), path
        assert "server" not in response.headers, path


@pytest.mark.parametrize(
    "settings", [{"ALLOWED_HOSTS": "api.example.com, *.example.org", "CORS_ORIGINS": "https://app.example.com"}]
)
def test_hosts_and_origins(service: Service) -> None:
    with new_client(service, Host="api.example.com") as client:
        for host, status in {"eu.example.org:8000": 404, "example.org": 400, "127.0.0.1": 400}.items():
            refused = client.get("/nowhere", headers={"Host": host} | APP)
            assert refused.status_code == status
            assert HEADERS.items() <= refused.headers.items()
            assert refused.headers["access-control-allow-origin"] == APP["Origin"]
            assert client.get("/readyz", headers={"Host": host}).status_code == 200

        # A page can read an error, and the headers that say what to do about it.
        bug = client.get("/bug", headers=APP)
        assert (bug.status_code, bug.headers["access-control-allow-origin"]) == (500, APP["Origin"])
        assert "X-Request-ID" in bug.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in bug.headers
        assert "access-control-allow-origin" not in client.get("/bug", headers=STRANGER).headers

        preflights = [client.options("/books/1", headers=origin | PREFLIGHT) for origin in (APP, STRANGER)]
        assert [each.status_code for each in preflights] == [200, 400]
        assert [each.headers.get("access-control-allow-origin") for each in preflights] == [APP["Origin"], None]
        assert "PATCH" in preflights[0].headers["access-control-allow-methods"]
        assert preflights[0].headers["access-control-allow-headers"] == "authorization"
    assert "GET /nowhere 400 in" in service.output.read_text()


MIDDLEWARES = """
import json
from my_service.main import create_app

print(json.dumps([middleware.cls.__name__ for middleware in create_app().user_middleware]))
"""


def test_a_setting_that_is_empty_adds_no_middleware(probed: Path) -> None:
    optional = {"ALLOWED_HOSTS": "api.example.com", "CORS_ORIGINS": "*"}
    without, complete = (
        json.loads(run(probed, "python", "-c", MIDDLEWARES, **settings))
        for settings in ({"ALLOWED_HOSTS": "", "CORS_ORIGINS": ""}, optional)
    )
    assert set(complete) - set(without) == {"AllowedHostsMiddleware", "CORSMiddleware"}
    assert set(without) <= set(complete)
