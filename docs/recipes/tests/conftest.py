"""Each recipe in a database of its own, and what PostgreSQL is asked meanwhile."""

import os
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from textwrap import indent, wrap
from typing import Any, TypeVar

import pytest
import recipes
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient
from shop.database import Base, Database, close_db, init_db
from shop.database.engine import create_engine
from shop.main import create_app
from shop.settings import Settings
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.database.backends import cloned, empty_database, settings_for
from tests.database.wire import Wire, tap

T = TypeVar("T")

for module in pkgutil.iter_modules(recipes.__path__):
    import_module(f"recipes.{module.name}")


@pytest.fixture(scope="session")
async def all_tables(template_url: URL) -> AsyncIterator[URL]:
    """The service's database with the tables of all recipes."""
    async with empty_database(template_url, template=str(template_url.database)) as url:
        engine = create_engine(settings_for(url), url)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await engine.dispose()
        yield url


@pytest.fixture
async def url(all_tables: URL) -> AsyncIterator[URL]:
    async with cloned(all_tables) as url:
        yield url


@pytest.fixture
async def wire(url: URL) -> AsyncIterator[Wire]:
    async with tap(url) as wire:
        yield wire


@pytest.fixture
async def database(wire: Wire) -> AsyncIterator[Database]:
    database = await init_db(settings_for(wire.url, pool_size=5))
    yield database
    await close_db(database)


class Trace:
    """What PostgreSQL is asked: the statements, and on the wire the round trips that they take."""

    def __init__(self, engine: AsyncEngine, wire: Wire) -> None:
        self.wire = wire
        self.statements: list[str] = []
        self.text: list[str] = []
        self.begun = False
        for name in ("begin", "commit", "rollback"):
            event.listen(engine.sync_engine, name, getattr(self, name))
        event.listen(engine.sync_engine, "before_cursor_execute", self.execute)

    def begin(self, _: Connection) -> None:
        # asyncpg is told of it with the first statement.
        self.begun = True

    def execute(self, connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        level = self.level(connection)
        if self.begun and level != "AUTOCOMMIT":
            self.statements.append("BEGIN" if level == "READ COMMITTED" else f"BEGIN ISOLATION LEVEL {level}")
        self.begun = False
        text = " ".join(statement.split())
        self.statements.append(text if len(text) < 1000 else f"{text[:300]} ... {text[-120:]}")

    def commit(self, connection: Connection) -> None:
        self.end(connection, "COMMIT")

    def rollback(self, connection: Connection) -> None:
        self.end(connection, "ROLLBACK")

    def end(self, connection: Connection, word: str) -> None:
        if not self.begun and self.level(connection) != "AUTOCOMMIT":
            self.statements.append(word)
        self.begun = False

    def level(self, connection: Connection) -> str:
        driver: Any = connection.connection.dbapi_connection
        return (driver.isolation_level or "read_committed").upper().replace("_", " ")

    async def __call__(self, title: str, work: Callable[[], Awaitable[T]], *, warm: bool = True) -> T:
        """Write down what `work` asks, on a connection that has asked it before, as most have."""
        if warm:
            await work()
        self.statements.clear()
        before = self.wire.round_trips
        result = await work()
        trips = self.wire.round_trips - before
        lines = [line for sql in self.statements for line in wrap(sql, 96, subsequent_indent="    ")]
        self.text.append(f"{title}: {trips} round trip{'s' * (trips != 1)}\n" + indent("\n".join(lines), "    ") + "\n")
        return result


@pytest.fixture
async def trace(request: pytest.FixtureRequest, database: Database, wire: Wire) -> AsyncIterator[Trace]:
    """What is traced must be what the page of the recipe shows."""
    trace = Trace(database.engine, wire)
    yield trace
    name = request.node.name.removeprefix("test_")
    page = Path(os.environ["RECIPES"]) / f"{name}.txt"
    text = "\n".join(trace.text)
    if "RECORD" in os.environ:
        page.write_text(text)
    assert page.read_text() == text, f"docs/recipes/{name}.txt says something else. To write it anew: make recipes"


def application(database: Database, router: APIRouter) -> FastAPI:
    """The service with one more router."""
    app = create_app(Settings(_env_file=None, database=settings_for(None)))
    app.state.database = database
    app.include_router(router)
    return app


@pytest.fixture
async def serve(database: Database) -> AsyncIterator[Callable[[APIRouter], AsyncClient]]:
    """A client of the service with one more router."""
    clients: list[AsyncClient] = []

    def serve(router: APIRouter) -> AsyncClient:
        transport = ASGITransport(application(database, router))
        clients.append(AsyncClient(transport=transport, base_url="http://test"))
        return clients[-1]

    yield serve
    for client in clients:
        await client.aclose()


Serve = Callable[[APIRouter], AsyncClient]
Work = Callable[[], Awaitable[Any]]


@contextmanager
def says(message: str) -> Iterator[None]:
    """The block raises an error with this text, which stands in the page."""
    page = (Path(os.environ["RECIPES"]).parent / "mistakes.md").read_text()
    assert f"\n## {message}\n" in page
    with pytest.raises(BaseException, match=re.escape(message)):
        yield
