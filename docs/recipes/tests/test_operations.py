import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from httpx import ASGITransport, AsyncClient
from recipes import (
    clock,
    commit_failures,
    connections,
    existing_application,
    migration_backfill,
    migration_downgrade,
    migration_enum,
    migration_index,
    migration_not_null,
    migration_rename,
    migration_schema,
    queue,
    replicas,
    worker,
)
from recipes.factories import new_author, new_book
from recipes.queue import Task
from shop.books.models import Author, Book
from shop.database import Database, close_db, init_db
from shop.main import create_app
from shop.settings import Settings
from sqlalchemy import URL, Connection, func, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from tests.database.backends import administer, cloned, settings_for
from tests.database.http import use_database

from .conftest import Serve, Trace

pytestmark = pytest.mark.postgres

Migrate = Callable[[Callable[[], None]], Coroutine[None, None, None]]


@pytest.fixture
async def migrate(database: Database, url: URL) -> Migrate:
    """Runs one migration as the layer's env.py does, on a table with 2500 rows."""
    await administer(
        url,
        "CREATE TYPE member_level AS ENUM ('silver');"
        "CREATE TABLE members (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(200),"
        " state text DEFAULT 'active' CONSTRAINT ck_members_state_known CHECK (state IN ('active', 'left')));"
        "INSERT INTO members (name) SELECT 'Name ' || number FROM generate_series(1, 2500) AS number",
    )

    async def migrate(step: Callable[[], None]) -> None:
        def run(connection: Connection) -> None:
            context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
            with context.begin_transaction(_per_migration=True), Operations.context(context):
                step()

        async with database.engine.connect() as connection:
            await connection.run_sync(run)

    return migrate


async def fetch(database: Database, statement: str) -> object:
    async with database.session_scope() as db:
        return await db.scalar(text(statement))


async def run(database: Database, statement: str) -> None:
    async with database.session_scope() as db:
        await db.execute(text(statement))


async def test_migration_not_null(database: Database, migrate: Migrate, trace: Trace) -> None:
    await migrate(migration_not_null.add_with_default)
    assert await fetch(database, "SELECT sum(points) FROM members") == 0
    await migrate(migration_not_null.add)
    await run(database, "INSERT INTO members (name) VALUES ('by the old program')")
    await migrate(migration_backfill.upgrade)
    for step in (migration_not_null.require, migration_not_null.validate, migration_not_null.finish):
        if step is migration_not_null.validate:
            with pytest.raises(IntegrityError, match="ck_members_nickname_not_null"):
                await run(database, "INSERT INTO members (name) VALUES ('by the old program')")
            assert await fetch(database, "SELECT count(*) FROM members WHERE nickname IS NULL") == 0
        await trace(step.__name__, lambda step=step: migrate(step), warm=False)  # type: ignore[misc]
    with pytest.raises(IntegrityError, match='null value in column "nickname"'):
        await run(database, "INSERT INTO members (name) VALUES ('by the old program')")


async def test_migration_backfill(database: Database, migrate: Migrate, trace: Trace) -> None:
    await migrate(migration_not_null.add)
    await migrate(migration_backfill.upgrade)
    await run(database, "UPDATE members SET nickname = NULL")
    await run(database, "UPDATE members SET nickname = 'kept' WHERE id = 1")
    await trace("2500 rows", lambda: migrate(migration_backfill.upgrade), warm=False)
    assert await fetch(database, "SELECT count(*) FROM members WHERE nickname = lower(name)") == 2499
    assert await fetch(database, "SELECT nickname FROM members WHERE id = 1") == "kept"


async def test_migration_downgrade(database: Database, migrate: Migrate, trace: Trace) -> None:
    await migrate(migration_downgrade.upgrade)
    await run(database, "UPDATE members SET phone = '1' WHERE id = 1")
    with pytest.raises(RuntimeError, match="has values"):
        await migrate(migration_downgrade.downgrade)
    await run(database, "UPDATE members SET phone = NULL")
    await trace("downgrade", lambda: migrate(migration_downgrade.downgrade), warm=False)
    with pytest.raises(SQLAlchemyError, match="does not exist"):
        await fetch(database, "SELECT phone FROM members")


async def test_migration_rename(database: Database, migrate: Migrate, trace: Trace) -> None:
    await trace("begin", lambda: migrate(migration_rename.begin), warm=False)
    # A row that was there before keeps its name, whatever else changes in it.
    await run(database, "UPDATE members SET state = 'left' WHERE id = 1")
    assert await fetch(database, "SELECT name || '=' || full_name FROM members WHERE id = 1") == "Name 1=Name 1"
    await run(database, "INSERT INTO members (name) VALUES ('old')")
    await run(database, "INSERT INTO members (full_name) VALUES ('new')")
    await run(database, "UPDATE members SET name = 'old again' WHERE full_name = 'old'")
    await run(database, "UPDATE members SET full_name = 'new again' WHERE name = 'new'")
    both = "SELECT string_agg(name || '=' || full_name, ', ' ORDER BY id) FROM members WHERE id > 2500"
    assert await fetch(database, both) == "old again=old again, new again=new again"
    await trace("finish", lambda: migrate(migration_rename.finish), warm=False)
    assert await fetch(database, "SELECT count(full_name) FROM members") == 3


async def test_migration_index(database: Database, migrate: Migrate, trace: Trace) -> None:
    await trace("upgrade", lambda: migrate(migration_index.upgrade), warm=False)
    await migrate(migration_index.downgrade)
    async with database.session_scope() as writer:
        await writer.execute(text("INSERT INTO authors (name) VALUES ('a transaction that is open')"))
        built = asyncio.create_task(migrate(migration_index.upgrade))
        async with asyncio.timeout(5):
            while not await fetch(database, "SELECT to_regclass('ix_members_name') IS NOT NULL"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # While it is built, others write.
        await run(database, "INSERT INTO members (name) VALUES ('meanwhile')")
    await built
    assert await fetch(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_members_name'::regclass")
    await migrate(migration_index.downgrade)


async def test_migration_enum(database: Database, migrate: Migrate, trace: Trace) -> None:
    banned = "UPDATE members SET state = 'banned' WHERE id = 1"
    with pytest.raises(IntegrityError):
        await run(database, banned)
    for step in (migration_enum.allow, migration_enum.validate, migration_enum.allow_in_native_enum):
        await trace(step.__name__, lambda step=step: migrate(step), warm=False)  # type: ignore[misc]
    await run(database, banned)
    assert await fetch(database, "SELECT 'gold'::member_level > 'silver'") is True
    valid = "SELECT convalidated FROM pg_constraint WHERE conname = 'ck_members_state_known'"
    assert await fetch(database, valid) is True


async def test_migration_schema(database: Database, migrate: Migrate, trace: Trace) -> None:
    await trace("begin", lambda: migrate(migration_schema.begin), warm=False)
    await run(database, "INSERT INTO members (name) VALUES ('by the old program')")
    await run(database, "UPDATE club.members SET name = 'by the new' WHERE name = 'by the old program'")
    assert await fetch(database, "SELECT max(id) FROM members WHERE name = 'by the new'") == 2501
    await trace("finish", lambda: migrate(migration_schema.finish), warm=False)
    assert await fetch(database, "SELECT count(*) FROM club.members") == 2501


async def test_factories(database: Database, trace: Trace) -> None:
    async def add() -> None:
        async with database.session_scope() as db:
            db.add_all([new_book(pages=700), new_book()])

    await trace("two books", add)
    async with database.session_scope() as db:
        author = new_author()
        db.add(author)
        await db.flush()
        db.add(new_book(author_id=author.id))
        assert await db.scalar(select(func.count()).select_from(Book).where(Book.pages == 700)) == 2
        assert await db.scalar(select(func.count()).select_from(Author)) == 5


async def test_commit_failures(database: Database, serve: Serve, trace: Trace) -> None:
    client = serve(clock.router)
    async with database.session_scope() as db:
        await commit_failures.refuse_commits(db, "authors")
    response = await trace("POST /authors", lambda: client.post("/authors", json={"name": "Lem"}))
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    async with database.read_scope() as db:
        assert await db.scalar(select(func.count()).select_from(Author)) == 0


async def test_clock(database: Database, trace: Trace) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    app = create_app(Settings(_env_file=None, database=settings_for(None)))
    app.include_router(clock.router)
    use_database(app, database)
    app.dependency_overrides[clock.get_clock] = lambda: lambda: now
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        key = (await client.post("/vouchers")).json()
        assert (await client.get(f"/vouchers/{key}/valid")).json() is True
        now += timedelta(days=30)
        response = await trace("GET /vouchers/1/valid", lambda: client.get(f"/vouchers/{key}/valid"))
        assert response.json() is False
    assert abs((await clock.get_clock())() - datetime.now(UTC)) < timedelta(seconds=5)


async def test_connections(url: URL, database: Database, trace: Trace) -> None:
    small = connections.Deployment(replicas=3, workers=2)
    settings = connections.settings_for_deployment(small, max_connections=100)
    assert (settings.pool_size, settings.processes, settings.pooler) == (10, 8, "none")
    assert settings.processes * (settings.pool_size + 1) + small.spare <= 100
    large = connections.settings_for_deployment(connections.Deployment(replicas=30, workers=4), max_connections=100)
    assert large.pooler == "transaction"

    full = await init_db(settings_for(url, pool_size=2, pool_timeout=0.05))
    try:
        async with full.session_scope() as a, full.session_scope() as b:
            await asyncio.gather(a.execute(text("SELECT 1")), b.execute(text("SELECT 1")))
            await full.ping()  # readiness does not wait for the pool
            app = create_app(Settings(_env_file=None, database=settings_for(None)))
            app.state.database = full
            async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
                response = await client.get("/books")
        assert (response.status_code, response.json()["detail"]) == (503, "All database connections are busy.")
    finally:
        await close_db(full)
    await trace("a probe of readiness", database.ping)


async def test_replicas(url: URL, all_tables: URL, database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(new_author())
    # A replica that has nothing yet.
    async with cloned(all_tables) as replica:
        both = await init_db(settings_for(url, read_url=replica))
        try:
            app = create_app(Settings(_env_file=None, database=settings_for(None)))
            app.state.database = both
            app.include_router(replicas.router)
            async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
                assert (await client.get("/author-count")).json() == 0
                assert (await client.post("/authors/1/renames?name=Lem")).json() == "Lem"
        finally:
            await close_db(both)
    client = serve(replicas.router)
    assert (await trace("GET /author-count", lambda: client.get("/author-count"))).json() == 1
    names = iter("ab")
    await trace("POST /authors/1/renames", lambda: client.post(f"/authors/1/renames?name={next(names)}"))


HANDLER = """
import asyncio
from recipes import worker
from shop.database import DatabaseSettings

async def handle(db, payload):
    print("handled", payload["number"], flush=True)
    if payload["number"] == 2:
        await asyncio.sleep(60)

asyncio.run(worker.main(DatabaseSettings(), handle))
"""


async def test_worker(url: URL, database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all([Task(payload={"number": 1}), Task(payload={"number": 2})])
    environment = os.environ | {"DATABASE_URL": url.render_as_string(hide_password=False)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HANDLER, env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout
    async with asyncio.timeout(20):
        lines = {await process.stdout.readline(), await process.stdout.readline()}
        assert lines == {b"handled 1\n", b"handled 2\n"}
        while await fetch(database, "SELECT count(*) FROM tasks") != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    # What it had in hand is still there.
    assert await fetch(database, "SELECT payload ->> 'number' FROM tasks") == "2"

    async def lose_connection(db: AsyncSession, _: object) -> None:
        await db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(SQLAlchemyError):
        await worker.main(settings_for(url), lose_connection)
    await run(database, "DELETE FROM tasks")
    title = "what a worker asks each second when there is nothing to do"
    assert not await trace(title, lambda: queue.work_once(database, lose_connection))


async def test_existing_application(url: URL, database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(new_author(name="Lem"))
    app = existing_application.create_existing_app(settings_for(url))
    transport = ASGITransport(app)
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://test") as client:
        refused = await client.post("/favourites?author_id=99")
        assert (refused.status_code, refused.json()["constraint"]) == (409, "fk_favourites_author_id_authors")
        assert (await client.post("/favourites?author_id=1")).status_code == 201
        async with database.session_scope() as old:  # the old session, which has not committed
            author = new_author(name="Verne")
            old.add(author)
            await old.flush()
            mixed = await client.post(f"/favourites?author_id={author.id}")
            assert (mixed.status_code, mixed.json()["constraint"]) == (409, "fk_favourites_author_id_authors")
            await old.rollback()
        assert (await client.get("/names")).json() == ["Lem"]
    await trace("GET /names", lambda: existing_application.read_names(database))
