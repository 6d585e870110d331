"""What fixtures hand to tests: a way to render, and the helpers of a rendered suite."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Protocol

import asyncpg


class Render(Protocol):
    def __call__(self, **answers: str | bool) -> Path: ...


def load_devserver(project: Path) -> Any:
    """The rendered module that starts a PostgreSQL server."""
    (file,) = project.glob("**/database/devserver.py")
    return load_module(file)


def load_wire(project: Path) -> Any:
    """The rendered module that counts round trips."""
    return load_module(project / "tests" / "database" / "wire.py")


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
