"""An application that exists, to which the layer is added."""

import re
import subprocess
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp
from textwrap import dedent

from .projects import BIN, clean_environment, run

EXISTING_APP = Path(__file__).with_name("existing_app")
ANSWERS_FILE = ".copier-answers.database.yml"

# What the application's author writes next: a model, and a router that stores it.
NOTES = """
from fastapi import APIRouter
from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped

from .database import Base, PrimaryKey
from .database.dependencies import DbSession, ReadSession


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("text"),)

    id: Mapped[PrimaryKey]
    text: Mapped[str]


router = APIRouter()


@router.post("/notes", status_code=201)
async def create_note(text: str, db: DbSession) -> None:
    db.add(Note(text=text))


@router.get("/notes")
async def list_notes(db: ReadSession) -> list[str]:
    return list(await db.scalars(select(Note.text)))
"""

TEST_NOTES = """
import pytest
from httpx import ASGITransport, AsyncClient

from PACKAGE.main import app


@pytest.mark.anyio
async def test_notes_are_stored() -> None:
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
    ):
        assert (await client.post("/notes", params={"text": "first"})).status_code == 201
        again = await client.post("/notes", params={"text": "first"})
        assert (again.status_code, again.json()["constraint"]) == (409, "uq_notes_text")
        assert (await client.get("/notes")).json() == ["first"]
"""

WORKER = """
import asyncio
import sys

# Not installed, as far as this program can tell.
sys.modules["fastapi"] = None
sys.modules["opentelemetry"] = None

from sqlalchemy import text

from PACKAGE.database import DatabaseSettings, close_db, init_db


async def main() -> None:
    database = await init_db(DatabaseSettings())
    async with database.session_scope() as db:
        print(await db.scalar(text("SELECT 'worked'")))
    await close_db(database)


asyncio.run(main())
"""


def make_application(workspace: Path, package_dir: str) -> Path:
    """The application with its package in this folder."""
    project = Path(mkdtemp(dir=workspace)) / "inventory"
    copytree(EXISTING_APP, project)
    if package_dir != "app":
        (project / package_dir).parent.mkdir(parents=True, exist_ok=True)
        (project / "app").rename(project / package_dir)
    source_dir, _, package = package_dir.rpartition("/")
    edit(project / "tests" / "conftest.py", "from app.", f"from {package}.")
    edit(project / "pyproject.toml", 'pythonpath = ["."]', f'pythonpath = ["{source_dir or "."}"]')
    return project


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def copy_layer(template: Path, project: Path, answers: dict[str, str | bool]) -> subprocess.CompletedProcess[str]:
    """What a person types. Its stderr has the message."""
    data = [argument for question, answer in answers.items() for argument in ("-d", f"{question}={answer}")]
    return subprocess.run(
        [BIN / "copier", "copy", "--quiet", "--defaults", "-a", ANSWERS_FILE, *data, template, "."],
        cwd=project,
        env=clean_environment(),
        input="",
        capture_output=True,
        text=True,
    )


def make_printed_edits(project: Path, package_dir: str, message: str) -> None:
    """The code blocks of the message, put where it says."""
    package = package_dir.split("/")[-1]
    blocks = [dedent(block) for block in re.findall(r"(?:^ {7}.*\n|^\n(?= {7}))+", message, re.MULTILINE)]
    application, settings = (block.strip() for block in blocks)
    imports = "\n".join(re.findall(r"^from .*", application, re.MULTILINE))
    opening, closing = re.findall(r"^    (\S.*)\n    yield\n    (\S.*)", application, re.MULTILINE)[0]
    (handlers,) = re.findall(r"^add_database_error_handlers.*", application, re.MULTILINE)
    main = project / package_dir / "main.py"
    edit(main, "from fastapi import FastAPI\n", f"from fastapi import FastAPI\n{imports}\n")
    edit(main, "    yield\n", f"    {opening}\n    yield\n    {closing}\n")
    edit(main, "app.include_router(items_router)\n", f"app.include_router(items_router)\n{handlers}\n")
    edit(project / "alembic.ini", "models =\n", f"models =\n    {package}.notes\n")
    edit(project / "pyproject.toml", "pythonpath =", f"{settings}\npythonpath =")
    # And the author's own work.
    (project / package_dir / "notes.py").write_text(NOTES)
    edit(main, f"{handlers}\n", f"{handlers}\napp.include_router(notes_router)\n")
    edit(main, "from .items import", "from .notes import router as notes_router\nfrom .items import")
    (project / "tests" / "test_notes.py").write_text(TEST_NOTES.replace("PACKAGE", package))
    (project / "worker.py").write_text(WORKER.replace("PACKAGE", package))


def message_of(template: Path, answers: dict[str, str | bool], project: Path) -> str:
    """`--quiet` leaves the message out: say it again, for a copy in a folder of its own."""
    elsewhere = Path(mkdtemp(dir=project.parent))
    data = [argument for question, answer in answers.items() for argument in ("-d", f"{question}={answer}")]
    command = (str(BIN / "copier"), "copy", "--defaults", *data, str(template), str(elsewhere))
    return run(elsewhere, *command)
