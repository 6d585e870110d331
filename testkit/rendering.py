"""What fixtures hand to tests: a way to render, and the helpers of a rendered suite."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from .projects import ROOT

LAYER_TESTS = ROOT / "tests" / "layer"
SERVICE_TESTS = ROOT / "tests" / "service"


class Render(Protocol):
    def __call__(self, **answers: str | bool) -> Path: ...


def load_devserver(project: Path) -> Any:
    """The rendered module that starts a PostgreSQL server."""
    (file,) = project.glob("**/database/devserver.py")
    return load_module(file)


def load_wire() -> Any:
    """The module of the layer's tests that counts round trips."""
    return load_module(LAYER_TESTS / "wire.py")


def add_layer_tests(project: Path) -> None:
    """Add the tests of the layer that a project does not get. They prove the template, in each combination."""
    add_tests(LAYER_TESTS, project, project / "tests" / "database")


def add_service_tests(project: Path) -> None:
    """Add the tests of a service and of its layer that a service does not get."""
    add_layer_tests(project)
    add_tests(SERVICE_TESTS, project, project / "tests")
    for folder in SERVICE_TESTS.glob("*/"):  # named after a module that only some answers bring
        if list(project.glob(f"src/*/**/{folder.name}.py")):
            add_tests(folder, project, project / "tests" / "auth")


def add_tests(source: Path, project: Path, target: Path) -> None:
    (layer,) = (file.parent for file in project.glob("**/database/devserver.py"))
    for file in source.glob("*.py*"):
        added = target / file.name.removesuffix(".jinja")
        assert not added.exists(), f"{file.name} would replace a test that is rendered."
        added.write_text(file.read_text().replace("{{ import_name }}", layer.parent.name))


def load_module(file: Path) -> Any:
    spec = spec_from_file_location(f"rendered_{file.stem}", file)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def administer(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
