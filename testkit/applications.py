"""An application that exists, to which the layer is added."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp
from textwrap import dedent

from .projects import BIN, clean_environment

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


def copy_layer(
    template: Path, project: Path, answers: dict[str, str | bool], folder: str = "."
) -> subprocess.CompletedProcess[str]:
    """What a person types. Its stderr has the message."""
    data = [argument for question, answer in answers.items() for argument in ("-d", f"{question}={answer}")]
    return subprocess.run(
        [BIN / "copier", "copy", "--defaults", "-a", ANSWERS_FILE, *data, template, folder],
        cwd=project,
        env=clean_environment(),
        input="",
        capture_output=True,
        text=True,
    )


@dataclass
class Message:
    """What Copier prints in the end, as blocks of words, code and commands."""

    text: str

    @property
    def blocks(self) -> list[str]:
        found = re.findall(r"(?:^ {7}.*\n|^\n(?= {7}))+", self.text, re.MULTILINE)
        return [dedent(block).strip() for block in found]

    @property
    def packages(self) -> list[str]:
        """Runtime and development dependencies."""
        add, add_dev = (shlex.split(line) for line in self.blocks[0].splitlines())
        return [*add[2:], *add_dev[3:]]

    @property
    def commands(self) -> list[str]:
        return self.blocks[4].splitlines()

    def follow(self, project: Path, package_dir: str) -> None:
        """Edit the files as it says."""
        _, application, toml, flake8, _ = self.blocks
        add_to_application(project / package_dir / "main.py", application)
        for section in toml.split("\n\n"):
            add_to_toml(project / "pyproject.toml", section)
        (project / ".flake8").write_text(f"{flake8}\n")


def add_to_application(main: Path, block: str) -> None:
    imports, lifespan = block.split("\n\n@asynccontextmanager\n")
    lifespan, _, after = lifespan.partition("\n\napp = FastAPI(lifespan=lifespan)\n")
    text = main.read_text()
    if "yield" in text:
        (opening,) = re.findall(r"^    async with .*", lifespan, re.MULTILINE)
        text = text.replace("    yield\n", f"{opening}\n        yield\n")
    else:
        lifespan = f"\n@asynccontextmanager\n{lifespan}\n\n\n"
        text = text.replace("app = FastAPI(", f"{lifespan}app = FastAPI(lifespan=lifespan, ")
    text = re.sub(r"^app = FastAPI\(.*\n", rf"\g<0>{after}\n", text, flags=re.MULTILINE)
    main.write_text(f"{imports}\n\n{text}")


def add_to_toml(file: Path, section: str) -> None:
    """To the section of this name, if there is one."""
    header, _, lines = section.partition("\n")
    text = file.read_text()
    if f"{header}\n" in text:
        file.write_text(text.replace(f"{header}\n", f"{header}\n{lines}\n"))
    else:
        file.write_text(f"{text}\n{section}\n")


def add_notes(project: Path, package_dir: str) -> None:
    """What the application's author writes next."""
    package = package_dir.split("/")[-1]
    edit(project / "alembic.ini", "models =\n", f"models =\n    {package}.notes\n")
    (project / package_dir / "notes.py").write_text(NOTES)
    main = project / package_dir / "main.py"
    items = "app.include_router(items_router)\n"
    edit(main, items, f"{items}app.include_router(notes_router)\n")
    edit(main, "from .items import", "from .notes import router as notes_router\nfrom .items import")


def add_programs(project: Path, package_dir: str) -> None:
    """A test that uses the database of the environment, and a worker."""
    package = package_dir.split("/")[-1]
    (project / "tests" / "test_notes.py").write_text(TEST_NOTES.replace("PACKAGE", package))
    (project / "worker.py").write_text(WORKER.replace("PACKAGE", package))


def message_of(copied: subprocess.CompletedProcess[str]) -> Message:
    """Copier prints the files that it writes before it."""
    return Message(copied.stderr.partition("The database layer is in ")[2])
