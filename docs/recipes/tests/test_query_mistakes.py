"""The messages in docs/mistakes.md about models, queries and sessions in handlers, provoked word for word."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Annotated

import pytest
import shop
from alembic import command
from fastapi import APIRouter, Depends
from recipes.factories import new_book
from shop.books.models import Author, Book
from shop.database import Database, Key, Repository, open_db
from shop.database.dependencies import DbSession, get_db
from shop.main import create_app
from shop.settings import Settings
from sqlalchemy import URL, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column

from tests import test_main
from tests.database.backends import alembic_config, empty_database, settings_for

from .conftest import Serve, says

pytestmark = pytest.mark.postgres


async def test_unique(database: Database) -> None:
    statement = select(Author).options(joinedload(Author.books))
    async with database.session_scope() as db:
        db.add(new_book())
    async with database.read_scope() as db:
        with says("The unique() method must be invoked on this Result, as it contains results that include joined"):
            (await db.scalars(statement)).all()
        assert (await db.scalars(statement)).unique().one().books


def test_method_called_list() -> None:
    with says("'function' object is not subscriptable"):

        class BookRepository(Repository[Book]):
            async def list(self) -> list[Book]:
                raise NotImplementedError

            async def recent(self) -> list[Book]: ...  # type: ignore[valid-type]


async def test_return_annotation(serve: Serve) -> None:
    router = APIRouter()

    async def list_authors(db: DbSession) -> list[Author]:
        return list(await db.scalars(select(Author)))

    with says("Invalid args for response field! Hint: check that list[shop.books.models.Author] is a valid"):
        router.get("/all-authors")(list_authors)
    router.get("/all-authors", response_model=list[Key])(list_authors)
    assert (await serve(router).get("/all-authors")).json() == []


async def test_begin_after_a_read(database: Database) -> None:
    async with database.session_scope() as db:
        await db.scalars(select(Author))
        with says("A transaction is already begun on this Session."):
            async with db.begin():
                pass
        async with db.begin_nested():
            db.add(Author(name="Iain Banks"))
        await db.commit()
        async with db.begin():
            db.add(Author(name="Iain M. Banks"))
    async with database.read_scope() as db:
        assert len((await db.scalars(select(Author))).all()) == 2


async def test_no_migration(url: URL) -> None:
    async with empty_database(url) as new, open_db(settings_for(new)) as database, database.read_scope() as db:
        with says('relation "books" does not exist'):
            await db.scalars(select(Book))
        await asyncio.to_thread(command.upgrade, alembic_config(new), "head")
        assert (await db.scalars(select(Book))).all() == []


async def test_empty_migration(url: URL) -> None:
    versions = Path(shop.__file__).parent / "database" / "migrations" / "versions"
    arguments = ("-m", "alembic", "revision", "--autogenerate", "-m", "nothing")
    async with empty_database(url) as new:
        await asyncio.to_thread(command.upgrade, alembic_config(new), "head")
        environment = os.environ | {"DATABASE_URL": new.render_as_string(hide_password=False)}
        alembic = await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment, stderr=PIPE)
        _, output = await alembic.communicate()
    for migration in versions.glob("*_nothing.py"):
        migration.unlink()
    with says("The migration is empty: the models that alembic.ini lists match the database."):
        raise RuntimeError(output.decode())


async def test_key_that_ends(database: Database) -> None:
    class Model(DeclarativeBase): ...

    class Tag(Model):
        __tablename__ = "tags_of_a_mistake"

        id: Mapped[int] = mapped_column(primary_key=True)

    async with database.session_scope() as db:
        await (await db.connection()).run_sync(Model.metadata.create_all)
        db.add(Tag())
        await db.flush()
        await db.execute(text("SELECT setval('tags_of_a_mistake_id_seq', 2147483647)"))
        db.add(Tag())
        with says("reached maximum value of sequence"):
            await db.flush()
        await db.rollback()


def test_default_scope() -> None:
    app = create_app(Settings(_env_file=None, database=settings_for(None)))

    @app.get("/names")
    async def handler(db: Annotated[AsyncSession, Depends(get_db)]) -> None: ...

    with says("depends on get_db with FastAPI's default scope"):
        test_main.test_every_session_ends_before_the_response(app)


def test_unknown_fixture(request: pytest.FixtureRequest) -> None:
    with says("fixture 'db_session' not found"):
        try:
            request.getfixturevalue("db_session")
        except pytest.FixtureLookupError as error:
            raise RuntimeError(error.formatrepr().errorstring) from None
