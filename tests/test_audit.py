"""`make audit`, which the pipelines run, with a database of vulnerabilities on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shlex import quote
from threading import Thread
from typing import ClassVar

import pytest
import yaml

from testkit.make import make, use_this_environment
from testkit.projects import BIN
from testkit.rendering import Render

# A service whose dependencies nobody has to resolve.
LOCK = f"""
version = 1
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "jinja2" }}]

[package.metadata]
requires-dist = [{{ name = "jinja2" }}]

[[package]]
name = "jinja2"
version = "2.4.1"
source = {{ registry = "https://example.com/simple" }}
sdist = {{ url = "https://example.com/jinja2-2.4.1.tar.gz", hash = "sha256:{"0" * 64}", size = 1 }}
"""
PROJECT = """
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["jinja2"]
"""
FOUND = {"id": "PYSEC-2014-8", "modified": "2024-01-01T00:00:00Z"}


class Database(BaseHTTPRequestHandler):
    """Answers as https://osv.dev does."""

    found: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        self.respond({"results": [{"vulns": self.found} for _ in queries]})

    def do_GET(self) -> None:
        self.respond(FOUND | {"summary": "A planted vulnerability", "affected": []})

    def respond(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def vulnerabilities(*found: dict[str, str]) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), type("Planted", (Database,), {"found": list(found)}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def service(render: Render) -> Path:
    project = render()
    use_this_environment(project)
    (project / "pyproject.toml").write_text(PROJECT)
    (project / "uv.lock").write_text(LOCK)
    return project


@pytest.mark.slow
@pytest.mark.parametrize(("found", "status"), [((), 0), ((FOUND,), 2)], ids=["none", "one"])
def test_a_vulnerability_fails_the_audit(service: Path, found: tuple[dict[str, str], ...], status: int) -> None:
    with vulnerabilities(*found) as url:
        uv = f'#!/bin/sh\nexec {quote(str(BIN / "uv"))} "$@" --frozen --service-url {url}\n'
        (service / ".venv" / "bin" / "uv").write_text(uv)
        result, output = make(service, "audit", NO_PROXY="127.0.0.1")
    assert result == status, output
    assert ("PYSEC-2014-8" in output) == bool(found)
    assert "experimental" not in output


@pytest.mark.parametrize(("ci", "file"), [("github", ".github/workflows/ci.yml"), ("gitlab", ".gitlab-ci.yml")])
def test_the_pipeline_audits(render: Render, ci: str, file: str) -> None:
    pipeline = yaml.safe_load((render(ci=ci) / file).read_text())
    job = pipeline.get("jobs", pipeline)["audit"]
    assert "if" not in job
    assert "rules" not in job
    commands = job["script"] if ci == "gitlab" else [step.get("run") for step in job["steps"]]
    assert "make audit" in commands
