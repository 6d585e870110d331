"""A domain of the user's: its own folder, and two lines in files that exist."""

import os
from pathlib import Path

import pytest

from testkit.edits import ALL
from testkit.projects import PYTEST, ROOT, commit, run
from testkit.rendering import Render

pytestmark = pytest.mark.slow

MODEL = """from sqlalchemy.orm import Mapped

from .database import Base, PrimaryKey


class Row(Base):
    __tablename__ = "{name}"

    id: Mapped[PrimaryKey]
"""


def check(project: Path) -> None:
    """What `make check` says about the code. The edit's migration is not formatted."""
    cache = ROOT / ".cache" / "mypy" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    run(project, "ruff", "format", "--check", "--no-cache", "--exclude", "versions")
    run(project, "ruff", "check", "--no-cache")
    run(project, "mypy", "--cache-dir", str(cache))


def test_two_lines_register_a_domain(render: Render, postgres: str) -> None:
    project = render()
    commit(project, "Rendered")
    ALL["add_domain"](project)
    changed = run(project, "git", "diff", "--numstat").splitlines()
    assert [line.split() for line in changed] == [["2", "0", "src/my_service/main.py"]]
    check(project)
    run(project, "alembic", "upgrade", "head", DATABASE_URL=postgres)
    # If Alembic did not know the model, it would want to drop the table.
    run(project, "alembic", "check", DATABASE_URL=postgres)
    run(project, *PYTEST, "tests/orders")


def test_one_line_registers_a_model_that_no_router_imports(render: Render, postgres: str) -> None:
    project = render(example=False)
    folder = project / "src" / "my_service"
    for name in ("archive", "stock"):  # two, because the linter sorts them below the marker
        (folder / f"{name}.py").write_text(MODEL.format(name=name))
        with (folder / "models.py").open("a") as models:
            models.write(f"from . import {name} as {name}\n")
    check(project)
    run(project, "alembic", "revision", "--autogenerate", "--message", "first", DATABASE_URL=postgres)
    (migration,) = (folder / "database" / "migrations" / "versions").glob("*first.py")
    assert all(f'"{name}"' in migration.read_text() for name in ("archive", "stock"))
