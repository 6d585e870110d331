"""The messages in docs/mistakes.md, provoked word for word."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pytest
from alembic import command
from fastapi import APIRouter, Depends, FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic_settings import BaseSettings, SettingsConfigDict
from recipes.factories import new_author, new_book
from recipes.handlers import Customer
from recipes.soft_deletes import Contact
from shop.books.models import Author, Book
from shop.database import Database, DatabaseSettings, close_db, init_db
from shop.database.dependencies import DbSession, ReadSession
from shop.database.startup import create_database
from shop.main import create_app
from shop.settings import Settings
from sqlalchemy import URL, DateTime, delete, literal, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tests.database.backends import alembic_config, settings_for

from .conftest import Serve, says

pytestmark = pytest.mark.postgres


async def add_book(database: Database) -> int:
    async with database.session_scope() as db:
        book = new_book()
        db.add(book)
    return book.id


async def test_lazy_raise(database: Database) -> None:
    key = await add_book(database)
    async with database.read_scope() as db:
        with says("'Book.author' is not available due to lazy='raise'"):
            _ = (await db.get_one(Book, key)).author


async def test_missing_greenlet(database: Database) -> None:
    await add_book(database)
    async with AsyncSession(database.engine) as db:  # with SQLAlchemy's defaults: expired after the commit
        author = (await db.scalars(select(Author))).one()
        await db.commit()
        with says("greenlet_spawn has not been called; can't call await_() here"):
            _ = author.name


async def test_closed_session(database: Database) -> None:
    async with database.session_scope() as db:
        pass
    with says("This Session has been permanently closed and is unable to handle any more transaction requests"):
        await db.execute(text("SELECT 1"))


async def test_concurrent_session(url: URL) -> None:
    database = create_database(settings_for(url))  # with no connection yet
    async with database.session_scope() as db:
        statements = (db.execute(text("SELECT 1")) for _ in range(2))
        results = await asyncio.gather(*statements, return_exceptions=True)
        with says("This session is provisioning a new connection; concurrent operations are not permitted"):
            raise next(result for result in results if isinstance(result, Exception))
    await close_db(database)


OTHER_LOOP = """
import asyncio
from shop.database import DatabaseSettings, init_db
from sqlalchemy import text

database = asyncio.run(init_db(DatabaseSettings()))

async def main():
    async with database.session_scope() as db:
        await db.execute(text("SELECT 1"))

asyncio.run(main())
"""


async def test_other_loop(url: URL) -> None:
    # In a process of its own: its connection is nobody's, and would disturb other tests when it goes.
    environment = os.environ | {"DATABASE_URL": url.render_as_string(hide_password=False)}
    script = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_LOOP, env=environment, stderr=subprocess.PIPE
    )
    _, output = await script.communicate()
    with says("Event loop is closed"):
        raise RuntimeError(output.decode())


async def test_aborted_transaction(database: Database) -> None:
    async with database.session_scope() as db:
        with pytest.raises(SQLAlchemyError):
            await db.execute(text("SELECT 1/0"))
        with says("current transaction is aborted, commands ignored until end of transaction block"):
            await db.execute(text("SELECT 1"))
        await db.rollback()


async def test_failed_flush(database: Database) -> None:
    async with database.session_scope() as db:
        db.add_all([Customer(email="a"), Customer(email="a")])
        with pytest.raises(SQLAlchemyError):
            await db.flush()
        with says("This Session's transaction has been rolled back due to a previous exception during flush"):
            await db.execute(text("SELECT 1"))
        await db.rollback()


async def test_write_in_read_session(database: Database) -> None:
    async with database.read_scope() as db:
        db.add(new_author())
        with says("A read session cannot write. Use DbSession, or session_scope() outside a request."):
            await db.flush()


async def test_second_session(database: Database, serve: Serve) -> None:
    router = APIRouter()

    @router.post("/twice")
    async def write_then_read(db: DbSession, reader: ReadSession) -> None:
        await db.execute(text("SELECT 1"))
        await reader.execute(text("SELECT 1"))

    with says("uses a second session while the transaction of the first is open"):
        await serve(router).post("/twice")


async def test_stream_in_read_session(database: Database) -> None:
    async with database.read_scope() as db:
        with says('A stream needs a transaction: open it with read_scope(isolation_level="REPEATABLE READ").'):
            await db.stream(select(Author))


async def test_full_pool(url: URL) -> None:
    database = await init_db(settings_for(url, pool_size=1, pool_timeout=0.05))
    async with database.session_scope() as db, database.session_scope() as other:
        await db.execute(text("SELECT 1"))
        with says("QueuePool limit of size 1 overflow 0 reached, connection timed out"):
            await other.execute(text("SELECT 1"))
    await close_db(database)


async def test_naive_datetime(database: Database) -> None:
    async with database.read_scope() as db:
        with says("can't subtract offset-naive and offset-aware datetimes"):
            await db.scalar(select(literal(datetime.now(UTC), DateTime(timezone=False))))


async def test_statement_timeout(url: URL) -> None:
    database = await init_db(settings_for(url, statement_timeout=0.05))
    with says("canceling statement due to statement timeout"):
        async with database.session_scope() as db:
            await db.execute(text("SELECT pg_sleep(5)"))
    await close_db(database)


async def test_lock_timeout(url: URL) -> None:
    database = await init_db(settings_for(url, lock_timeout=0.05))
    async with database.session_scope() as db:
        await db.execute(text("LOCK TABLE books"))
        with says("canceling statement due to lock timeout"):
            async with database.session_scope() as other:
                await other.execute(select(Book))
    await close_db(database)


async def test_no_url() -> None:
    with says("DATABASE_URL is not set"):
        create_database(settings_for(None))


async def test_wrong_url() -> None:
    with says("Cannot connect to PostgreSQL at 127.0.0.1:1"):
        settings = DatabaseSettings(_env_file=None, url="postgresql://ada@127.0.0.1:1/shop", startup_timeout=0.1)
        await init_db(settings)


async def test_no_lifespan() -> None:
    async with AsyncClient(transport=ASGITransport(create_app()), base_url="http://test") as client:
        with says("'State' object has no attribute 'database'"):
            await client.get("/books")


async def test_soft_delete_statement(database: Database) -> None:
    async with database.session_scope() as db:
        with says("This would delete rows permanently."):
            await db.execute(delete(Contact))


async def test_wrong_scope() -> None:
    async def request_scoped(db: DbSession) -> AsyncIterator[AsyncSession]:
        yield db

    app = FastAPI()
    with says('cannot depend on dependencies with scope "function"'):

        @app.get("/")
        async def handler(db: Annotated[AsyncSession, Depends(request_scoped)]) -> None: ...


async def test_not_up_to_date(url: URL) -> None:
    config = alembic_config(url)
    await asyncio.to_thread(command.downgrade, config, "-1")
    with says("Target database is not up to date."):
        await asyncio.to_thread(command.revision, config, autogenerate=True)


async def test_sslmode(url: URL) -> None:
    engine = create_async_engine("postgresql+asyncpg://ada@127.0.0.1:1/shop?sslmode=require")
    with says("connect() got an unexpected keyword argument 'sslmode'"):
        async with engine.connect():
            pass


def test_session_local() -> None:
    with says("cannot import name 'SessionLocal' from 'shop.database'"):
        exec("from shop.database import SessionLocal")  # noqa: S102


async def test_init_db_without_settings() -> None:
    with says("init_db() missing 1 required positional argument: 'settings'"):
        await init_db()  # type: ignore[call-arg]


def test_settings_in_capitals() -> None:
    with says("'Settings' object has no attribute 'DATABASE_URL'"):
        _ = Settings().DATABASE_URL  # type: ignore[attr-defined]


def test_variables_of_others(tmp_path: Path) -> None:
    class HostSettings(BaseSettings):
        model_config = SettingsConfigDict(env_file=tmp_path / ".env")

    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://ada@127.0.0.1/shop")
    with says("Extra inputs are not permitted"):
        HostSettings()


def test_unescaped_password() -> None:
    with says("contains an @ that is not escaped"):
        DatabaseSettings(_env_file=None, url="postgresql://ada:p@ss@127.0.0.1/shop")


def test_parameter_of_libpq() -> None:
    with says("which asyncpg does not support"):
        DatabaseSettings(_env_file=None, url="postgresql://ada@127.0.0.1/shop?keepalives=1")


def test_every_message_is_provoked() -> None:
    page = (Path(os.environ["RECIPES"]).parent / "mistakes.md").read_text()
    here = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*mistakes.py")).replace('\\"', '"')
    missing = [message for message in re.findall(r"(?m)^## (.+)$", page) if message not in here]
    assert missing == []
