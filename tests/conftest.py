"""A template to render from, projects to look at, and one PostgreSQL for all."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory, mkdtemp
from urllib.parse import urlsplit
from uuid import uuid4

import copier
import pytest

from testkit.combinations import SERVICES
from testkit.projects import ROOT, commit, copy_working_tree, run
from testkit.releases import build_history
from testkit.rendering import Render, add_service_tests, administer, load_devserver
from testkit.service import add_probes

collect_ignore = ["existing_app"]  # its tests run where the layer is added to it


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """Where projects are rendered.

    Not in pytest's own folder: each pytest that starts closes that to other accounts, and a rendered suite that root
    runs starts PostgreSQL in its project, as another account.
    """
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def template(workspace: Path) -> Path:
    """The working tree as a release of its own, newer than all others."""
    folder = workspace / "template"
    folder.mkdir()
    copy_working_tree(folder)
    commit(folder, "The working tree")
    run(folder, "git", "tag", "9999.0.0")
    return folder


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every release, the working tree, and what may come next, each with its tag."""
    folder = tmp_path_factory.mktemp("history")
    build_history(folder)
    return folder


@pytest.fixture(scope="session")
def render(template: Path, workspace: Path) -> Render:
    """Render a project with these answers, and the defaults for all others."""

    def render(**answers: str | bool) -> Path:
        project = Path(mkdtemp(dir=workspace)) / "project"
        copier.run_copy(str(template), project, data=answers, defaults=True, quiet=True)
        return project

    return render


@pytest.fixture(scope="session")
def probed(render: Render) -> Path:
    """A service with the routes of testkit/probes.py, rendered once and shared: tests write nothing into it."""
    project = render()
    add_probes(project)
    return project


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, id=name, marks=[pytest.mark.combination, *([pytest.mark.slow] if name != "default" else [])])
        for name in SERVICES
    ],
)
def combination(request: pytest.FixtureRequest) -> str:
    """The name of each combination in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def project(render: Render, combination: str) -> Path:
    """Each combination, rendered once and shared: tests look at it, and write nothing into it."""
    return render(**SERVICES[combination])


@pytest.fixture(scope="session")
def proven(project: Path, workspace: Path) -> Path:
    """A copy of each combination, with the tests that a service does not get."""
    folder = Path(mkdtemp(dir=workspace)) / "project"
    copytree(project, folder)
    add_service_tests(folder)
    return folder


@pytest.fixture(scope="session")
def server(render: Render) -> Iterator[str]:
    """The URL of TEST_DATABASE_URL's server, or of an embedded one that all workers share."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with load_devserver(render()).serve(ROOT / ".cache" / "postgres") as url:
        yield url


@pytest.fixture
def postgres(server: str) -> Iterator[str]:
    """The URL of a new, empty database whose name ends in _test."""
    name = f"template_{uuid4().hex[:12]}_test"
    asyncio.run(administer(server, f'CREATE DATABASE "{name}"'))
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    asyncio.run(administer(server, f'DROP DATABASE "{name}" WITH (FORCE)'))
