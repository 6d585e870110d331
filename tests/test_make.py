"""What a person types: `make demo` here, and the service's own targets in the folder that it leaves."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from testkit.projects import BIN, ROOT, clean_environment, run

# One process for all of them: they share a folder whose environment takes long to make.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("make")]


@pytest.fixture(scope="module")
def folder(workspace: Path) -> Path:
    return workspace / "shop"


@pytest.fixture(scope="module")
def demo_output(folder: Path) -> str:
    status, output = demo(folder)
    assert status == 0, output
    return output


@pytest.fixture
def shop(folder: Path, demo_output: str) -> Path:
    """What the demo leaves."""
    return folder


def demo(folder: Path, **environment: str) -> tuple[int, str]:
    process = subprocess.run(
        [BIN / "python", "-m", "scripts.demo", folder],
        cwd=ROOT,
        env=clean_environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process.returncode, process.stdout


def processes_in(folder: Path) -> list[Path]:
    return [cwd for cwd in Path("/proc").glob("[0-9]*/cwd") if cwd.resolve().is_relative_to(folder)]


def test_demo(shop: Path, demo_output: str) -> None:
    assert "409 " in demo_output
    assert "uq_books_isbn" in demo_output
    # A story, not the log of an installer.
    assert 10 <= len(demo_output.splitlines()) <= 15
    assert demo_output.endswith(f"cd {os.path.relpath(shop, ROOT)} && make run\n")
    assert processes_in(shop) == []


def test_demo_says_what_failed_and_ends(shop: Path) -> None:
    status, output = demo(shop, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", DATABASE_STARTUP_TIMEOUT="0.1")
    assert status == 1
    assert "Cannot connect to PostgreSQL at 127.0.0.1:1" in output
    assert output.endswith("`make run` ended before it served a request; see its output above.\n")
    assert processes_in(shop) == []


def test_targets(shop: Path) -> None:
    assert "make test" in run(shop, "make")
    output = run(shop, "make", "test")
    assert output.count(" passed") == 2
    run(shop, "make", "check")


def test_a_changed_model_needs_a_migration(shop: Path) -> None:
    models = shop / "src/my_service/books/models.py"
    models.write_text(models.read_text().replace("    pages: ", "    price: Mapped[int | None]\n    pages: "))
    with pytest.raises(AssertionError, match="New upgrade operations detected"):
        run(shop, "make", "check")
    assert re.search(r"\S+/versions/\S+_add_price\.py", run(shop, "make", "migration", "m=add price"))
    run(shop, "make", "check")
