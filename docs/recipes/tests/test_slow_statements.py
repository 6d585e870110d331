"""The recipe that needs a server of its own, because its libraries are loaded when a server starts."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from recipes import slow_statements
from recipes.factories import new_author
from shop.books.models import Author
from shop.database import Base, Database, devserver
from shop.database.engine import create_engine
from sqlalchemy import URL, func, make_url, select
from sqlalchemy.orm import aliased

from tests.database.backends import administer, settings_for

from .conftest import Trace

pytestmark = pytest.mark.postgres


@pytest.fixture
def data() -> Iterator[Path]:
    # Not in pytest's folder, which PostgreSQL's account may not enter.
    with TemporaryDirectory() as folder:
        yield Path(folder) / "data"


@pytest.fixture
async def url(data: Path) -> AsyncIterator[URL]:
    with devserver.serve(data, database="shop_test") as address:
        url = make_url(address)
        await administer(url, slow_statements.LOAD)
        devserver.run("pg_ctl", "restart", "-D", data, "-l", data / "log")
        # What is slow here takes less time than what is slow in production.
        for statement in slow_statements.SET_UP:
            await administer(url, statement.replace("500ms", "100ms"))
        engine = create_engine(settings_for(url), url)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await engine.dispose()
        yield url


async def test_slow_statements(database: Database, data: Path, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all(new_author(name=f"author {number}") for number in range(2000))
    other = aliased(Author)
    planted = (
        select(func.count(Author.id)).join(other, Author.name.like(other.name + "%")).where(other.name != "nobody")
    )
    for _ in range(100):
        async with database.read_scope() as db:
            await db.scalar(select(Author.id).where(Author.name == "author 1"))
    async with database.read_scope() as db:
        await db.scalar(planted)

    async def find() -> list[str]:
        async with database.read_scope() as db:
            return await slow_statements.slowest_statements(db, limit=3)

    found = await trace("the slowest statements", find)
    assert found[0].startswith("1 calls, ")
    assert "LIKE" in found[0]
    assert "nobody" not in found[0]
    _, *plans = (data / "log").read_text().split(" plan:\n")
    (plan,) = (plan for plan in plans if " LIKE " in plan)
    assert "Nested Loop" in plan
    assert "'nobody'" in plan  # as the page warns
