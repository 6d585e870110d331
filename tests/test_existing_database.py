"""The layer on a database that was there before it, with and without Alembic."""

import asyncio
import re
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import asyncpg
import pytest

from testkit.applications import copy_layer, edit
from testkit.projects import PYTEST, ROOT, outcome, run
from testkit.rendering import administer

pytestmark = pytest.mark.slow

NOTES = """
from sqlalchemy.orm import Mapped

from .database import Base, PrimaryKey


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[PrimaryKey]
    text: Mapped[str]
"""
SUITE = (*PYTEST, "tests/database/test_migrations.py", "tests/database/test_repository.py", "--database=postgres")


class Application:
    """An application with a database of its own, and the layer in it."""

    def __init__(self, project: Path, url: str) -> None:
        self.project, self.url = project, url

    def alembic(self, *arguments: str) -> str:
        return run(self.project, "alembic", *arguments, PYTHONPATH=str(self.project), DATABASE_URL=self.url)

    def revision(self, message: str) -> str:
        """The text of a new migration."""
        self.alembic("revision", "--autogenerate", "-m", message)
        (file,) = self.project.glob(f"app/database/migrations/versions/*_{message}.py")
        return file.read_text()

    def suite(self) -> set[str]:
        path = {"PYTHONPATH": str(self.project), "TEST_DATABASE_URL": self.url}
        return set(outcome(run(self.project, *SUITE, **path)))

    def fetch(self, statement: str) -> set[str]:
        async def fetch() -> set[str]:
            connection = await asyncpg.connect(self.url)
            rows = await connection.fetch(statement)
            await connection.close()
            return {row[0] for row in rows}

        return asyncio.run(fetch())

    def tables(self) -> set[str]:
        return self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

    def models(self, module: str, text: str) -> None:
        (self.project / "app" / f"{module}.py").write_text(text)
        edit(self.project / "alembic.ini", "models =\n", f"models =\n    app.{module}\n")


@pytest.fixture(scope="module")
def with_layer(template: Path, workspace: Path) -> Path:
    """Its alembic.ini had to give way, and its migrations/ are still there."""
    project = Path(mkdtemp(dir=workspace)) / "shop"
    copytree(ROOT / "testkit" / "alembic_app", project)
    (project / "alembic.ini").rename(project / "alembic.old.ini")
    copied = copy_layer(template, project, {"scope": "database", "package_dir": "app"})
    assert copied.returncode == 0, copied.stderr
    return project


@pytest.fixture
def application(with_layer: Path, workspace: Path, postgres: str) -> Application:
    """Its own Alembic made the tables."""
    application = Application(copytree(with_layer, Path(mkdtemp(dir=workspace)) / "shop"), postgres)
    application.alembic("-c", "alembic.old.ini", "upgrade", "head")
    return application


def test_tables_without_a_model_are_left_alone(application: Application) -> None:
    edit(application.project / "alembic.ini", "alembic_version\n", "alembic_version_layer\n")
    before = application.tables()
    assert "op." not in application.revision("empty").partition("def upgrade")[2]
    application.models("notes", NOTES)
    application.alembic("upgrade", "head")
    assert "drop_table" not in application.revision("notes").partition("def downgrade")[0]
    application.alembic("upgrade", "head")
    application.alembic("check")
    assert application.tables() == before | {"notes", "alembic_version_layer"}
    assert application.suite() == {"passed"}
    # The other Alembic goes on.
    application.alembic("-c", "alembic.old.ini", "downgrade", "-1")
    application.alembic("-c", "alembic.old.ini", "upgrade", "head")
    edit(application.project / "alembic.ini", "tables_without_model = keep", "tables_without_model = drop")
    assert "op.drop_table('books')" in application.revision("drop")


def take_over_models(application: Application) -> None:
    """One abstract base puts all models into the metadata of the layer."""
    models = application.project / "app" / "models.py"
    text = models.read_text().replace(
        "class Base(DeclarativeBase):\n    pass\n", "class Base(database.Base):\n    __abstract__ = True\n"
    )
    models.write_text(f"from . import database\n{text}")
    ini = application.project / "alembic.ini"
    edit(ini, "models =\n", "models =\n    app.models\n")
    edit(ini, "exempt_relationships =\n", "exempt_relationships =\n    Author.books\n    Book.author\n")


NAMES = "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
NAMES_OF_THE_MODELS = {
    "alembic_version_pkc",
    "fk_books_author_id_authors",
    "pk_authors",
    "pk_books",
    "uq_authors_email",
}


def test_its_migrations_continue(application: Application) -> None:
    """In the layer's folder, where the next migration follows the last one."""
    take_over_models(application)
    for migration in application.project.glob("migrations/versions/*.py"):
        migration.rename(application.project / "app/database/migrations/versions" / migration.name)
    edit(application.project / "alembic.ini", "baseline =\n", "baseline = 3f0e\n")
    with pytest.raises(AssertionError, match="RENAME CONSTRAINT books_author_id_fkey TO fk_books_author_id_authors"):
        application.alembic("check")
    assert "drop_constraint" not in application.revision("names")
    application.alembic("upgrade", "head")
    application.alembic("check")
    assert application.fetch(NAMES) == NAMES_OF_THE_MODELS
    assert application.suite() == {"passed"}
    application.alembic("downgrade", "-1")
    assert "books_author_id_fkey" in application.fetch(NAMES)


def test_a_baseline_replaces_its_migrations(application: Application) -> None:
    """It creates all tables in an empty database. A database that has them is stamped."""
    take_over_models(application)
    existing, empty = application.url, application.url.replace("_test", "_empty_test", 1)
    asyncio.run(administer(existing, f'CREATE DATABASE "{empty.split("/")[3].partition("?")[0]}"'))
    application.url = empty
    ((_, revision),) = re.findall(r"^revision: str = (['\"])(\w+)", application.revision("baseline"), re.MULTILINE)
    edit(application.project / "alembic.ini", "baseline =\n", f"baseline = {revision}\n")
    application.alembic("upgrade", "head")
    application.url = existing
    application.alembic("stamp", "--purge", "head")
    with pytest.raises(AssertionError, match="RENAME CONSTRAINT authors_email_key TO uq_authors_email"):
        application.alembic("check")
    application.revision("names")
    for application.url in (existing, empty):
        application.alembic("upgrade", "head")
        application.alembic("check")
        assert application.fetch(NAMES) == NAMES_OF_THE_MODELS
    assert application.suite() == {"passed"}


def test_migrations_take_the_settings_of_the_application(application: Application) -> None:
    """By the lines of docs/existing.md."""
    page = (ROOT / "docs" / "existing.md").read_text()
    (line,) = re.findall(r"^database_settings = .*", page, re.MULTILINE)
    (name,) = re.findall(r"^settings = .*", page, re.MULTILINE)
    config = f"""
from types import SimpleNamespace

from app.database import DatabaseSettings

settings = SimpleNamespace(SQLALCHEMY_DATABASE_URI={application.url!r})
{line}
"""
    (application.project / "app" / "config.py").write_text(config)
    ini = application.project / "alembic.ini"
    edit(ini, "\nsettings =\n", f"\n{name}\n")
    edit(ini, "alembic_version\n", "alembic_version_layer\n")
    existing, application.url = application.url, "postgresql://ann@nowhere.invalid/shop"
    application.revision("first")
    application.alembic("upgrade", "head")
    application.url = existing
    assert "alembic_version_layer" in application.tables()
