import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from recipes import (
    background,
    concurrency,
    error_format,
    handlers,
    locking,
    queue,
    savepoints,
    scripts,
    serializable,
    server_sent_events,
    streams,
    units_of_work,
    versions,
    websockets,
)
from recipes.background import Signup
from recipes.handlers import Customer
from recipes.locking import Wallet
from recipes.queue import Task
from recipes.savepoints import Subscriber
from recipes.scripts import LoginToken
from recipes.serializable import Shift
from recipes.server_sent_events import Import
from recipes.streams import Measurement
from recipes.units_of_work import Reservation, StockItem
from recipes.versions import Article
from shop.books import router as books
from shop.database import Database
from shop.main import create_app
from shop.settings import Settings
from sqlalchemy import URL, QueuePool, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError
from websockets.asyncio.client import connect

from tests.database.backends import settings_for
from tests.database.server import serve_http

from .conftest import Serve, Trace

pytestmark = pytest.mark.postgres


async def test_handlers(database: Database, serve: Serve, trace: Trace) -> None:
    client = serve(handlers.router)
    emails = iter("abc")
    created = await trace("POST /customers", lambda: client.post(f"/customers?email={next(emails)}"))
    assert created.status_code == 201
    key = created.json()["id"]
    read = await trace(f"GET /customers/{key}", lambda: client.get(f"/customers/{key}"))
    assert read.json() == {"id": key, "email": "b"}
    again = await trace("POST /customers, with an address that exists", lambda: client.post("/customers?email=a"))
    assert (again.status_code, again.json()["constraint"]) == (409, "uq_customers_email")
    async with database.read_scope() as db:
        assert await db.scalar(select(func.count()).select_from(Customer)) == 2


async def test_background(database: Database, serve: Serve, trace: Trace) -> None:
    client = serve(background.router)
    key = (await trace("POST /signups", lambda: client.post("/signups?email=a"))).json()
    async with database.read_scope() as db:
        assert (await db.get_one(Signup, key)).welcomed


async def test_streams(database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all(Measurement(value=number) for number in range(2500))
    client = serve(streams.router)
    response = await trace("GET /measurements.csv, 2500 rows", lambda: client.get("/measurements.csv"))
    assert response.text.count("\n") == 2500
    assert response.text.startswith("1,0.0\n2,1.0\n")


async def test_server_sent_events(database: Database, trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_sent_events, "POLL_INTERVAL", 3600)
    async with database.session_scope() as db:
        db.add(Import(percent=10))
    app = create_app(Settings(_env_file=None, database=settings_for(None)))
    app.state.database = database
    app.include_router(server_sent_events.router)
    stopping: asyncio.Event = app.state.shutdown.stopping

    async def read_progress() -> list[str]:
        stopping.clear()
        events = []
        async with (
            serve_http(app) as client,
            asyncio.timeout(20),
            client.stream("GET", "/imports/1/progress") as response,
        ):
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    events.append(line)
                    stopping.set()
        return events

    assert await trace("one event", read_progress) == ["data: 10"]


async def test_websockets(database: Database, trace: Trace) -> None:
    await trace("one message", lambda: websockets.keep(database, "hello"))
    app = create_app(Settings(_env_file=None, database=settings_for(None)))
    app.state.database = database
    app.include_router(websockets.router)
    async with serve_http(app) as client:
        keys = []
        async with connect(f"ws://{client.base_url.netloc.decode()}/chat", proxy=None) as socket:
            for _ in range(2):
                await socket.send("hello")
                keys.append(json.loads(await socket.recv())["id"])
                # Between two messages the socket holds no connection.
                assert isinstance(database.engine.pool, QueuePool)
                assert database.engine.pool.checkedout() == 0
    assert keys[1] == keys[0] + 1
    async with database.read_scope() as db:
        assert await db.scalar(select(func.count()).select_from(websockets.ChatMessage)) == 4


async def test_scripts(url: URL, database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all([LoginToken(), LoginToken(), LoginToken()])
        await db.flush()
        await db.execute(text("UPDATE login_tokens SET created_at = now() - interval '31 days' WHERE id < 3"))

    async def delete_old_tokens() -> int:
        async with database.session_scope() as db:
            return await scripts.delete_old_tokens(db)

    assert await scripts.main(settings_for(url)) == 2
    assert await trace("delete_old_tokens", delete_old_tokens) == 0
    async with database.read_scope() as db:
        assert await db.scalar(select(func.count()).select_from(LoginToken)) == 1


async def test_error_format(database: Database, trace: Trace) -> None:
    app = FastAPI()
    error_format.format_errors(app)
    app.include_router(books.router)
    app.state.database = database
    book = {"title": "Solaris", "isbn": "9780156027601", "pages": 204, "author_id": 1}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        assert (await client.post("/authors", json={"name": "Stanisław Lem"})).status_code == 201
        assert (await client.post("/books", json=book)).status_code == 201
        again = await trace("POST /books, with an ISBN that exists", lambda: client.post("/books", json=book))
        invalid = await client.post("/books", json=book | {"pages": 0})
        missing = await client.get("/nowhere")
        openapi = (await client.get("/openapi.json")).json()
    assert (again.status_code, again.json()) == (409, {"errors": {"isbn": ["A row with this value already exists."]}})
    assert (invalid.status_code, invalid.json()["errors"].keys()) == (422, {"pages"})
    assert (missing.status_code, missing.json()) == (404, {"errors": {"request": ["Not Found"]}})
    content = openapi["paths"]["/books"]["post"]["responses"]["409"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/FieldErrors"}}}


async def test_units_of_work(database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(StockItem(quantity=5))
    client = serve(units_of_work.router)
    path = "/items/1/reservations?quantity="
    assert (await trace("POST /items/1/reservations", lambda: client.post(f"{path}2"))).status_code == 201
    refused = await trace("the same, with too few left", lambda: client.post(f"{path}2"))
    assert (refused.status_code, refused.json()["constraint"]) == (422, "ck_stock_items_quantity_not_negative")
    async with database.read_scope() as db:
        assert (await db.get_one(StockItem, 1)).quantity == 1
        assert await db.scalar(select(func.count()).select_from(Reservation)) == 2


async def test_savepoints(database: Database, trace: Trace) -> None:
    async def run() -> list[str]:
        async with database.session_scope() as db:
            return await savepoints.import_subscribers(db, ["a", f"new {next(numbers)}", "a"])

    numbers = iter(range(3))
    assert await run() == ["a"]
    assert await trace("two that exist, and one between them", run) == ["a", "a"]
    async with database.read_scope() as db:
        assert await db.scalar(select(func.count()).select_from(Subscriber)) == 4


async def test_locking(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all([Wallet(balance=100), Wallet(balance=100)])

    async def transfer(payer: int, payee: int, amount: int) -> bool:
        async with database.session_scope() as db:
            return await locking.transfer(db, payer, payee, amount)

    assert not await transfer(1, 2, 101)
    await trace("transfer", lambda: transfer(1, 2, 10))
    # Decided on what is there now, not on what the session has read before.
    async with database.session_scope() as db:
        read_before = await db.get_one(Wallet, 1)
        assert read_before.balance == 80
        assert await transfer(1, 2, 80)
        assert not await locking.transfer(db, 1, 2, 80)
        assert read_before.balance == 0
    assert await transfer(2, 1, 80)
    # Ten in each direction at once: no deadlock, and nothing is lost.
    assert all(await asyncio.gather(*(transfer(*pair, 1) for pair in [(1, 2), (2, 1)] * 10)))
    async with database.read_scope() as db:
        assert [wallet.balance for wallet in await db.scalars(select(Wallet).order_by(Wallet.id))] == [80, 120]


async def test_queue(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all(Task(payload={"number": number}) for number in range(6))
    done: list[int] = []
    met = asyncio.Barrier(2)

    async def count() -> int:
        async with database.read_scope() as db:
            return await db.scalar(select(func.count()).select_from(Task)) or 0

    async def handle(db: AsyncSession, payload: dict[str, int]) -> None:
        if payload["number"] < 2:
            await met.wait()  # two workers hold a task each at the same time
        if payload["number"] == 2:
            db.add(Task(payload={"number": "undone"}))
            await db.flush()
            raise RuntimeError
        done.append(payload["number"])

    async with asyncio.timeout(5):
        assert await asyncio.gather(*(queue.work_once(database, handle) for _ in range(2))) == [True, True]
    assert await queue.work_once(database, handle)
    async with database.session_scope() as db:
        failed = (await db.scalars(select(Task).where(Task.failures > 0))).one()
        assert failed.payload == {"number": 2}
        assert failed.run_at > datetime.now(UTC) + timedelta(seconds=1)
        failed.run_at += timedelta(days=1)
    await trace("work_once", lambda: queue.work_once(database, handle))
    async with asyncio.timeout(5):
        worker = asyncio.create_task(queue.work(database, handle, pause=0.01))
        while await count() > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert sorted(done) == [0, 1, 3, 4, 5]  # nobody waits for the one that fails
    assert not await queue.work_once(database, handle)
    assert await count() == 1


async def test_serializable(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all(
            Shift(doctor=doctor, day=date(2026, 1, day), on_call=True)
            for day, doctor in [(1, "A"), (1, "B"), (2, "A"), (2, "B"), (2, "C")]
        )
    shifts = iter([3, 4])
    assert await trace("go_home, with nobody in between", lambda: serializable.go_home(database, next(shifts)))
    for _ in range(5):
        assert sorted(await asyncio.gather(*(serializable.go_home(database, key) for key in (1, 2)))) == [False, True]
        async with database.session_scope() as db:
            await db.execute(text("UPDATE shifts SET on_call = true"))


async def test_versions(database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add(Article(text="first"))
    client = serve(versions.router)

    def put(version: int) -> object:
        return client.put("/articles/1?text=other", headers={"If-Match": str(version)})

    read = iter("12")
    response = await trace(
        "PUT /articles/1",
        lambda: client.put(f"/articles/1?text=text+{(n := next(read))}", headers={"If-Match": n}),
    )
    assert (response.status_code, response.json()) == (200, 3)
    assert (await client.put("/articles/1?text=late", headers={"If-Match": "2"})).status_code == 412
    async with database.session_scope() as mine:
        article = await mine.get_one(Article, 1)
        assert (await client.put("/articles/1?text=theirs", headers={"If-Match": "3"})).status_code == 200
        article.text = "mine"
        with pytest.raises(StaleDataError):
            await mine.flush()
        await mine.rollback()


async def test_concurrency(database: Database, trace: Trace) -> None:
    assert await trace("count_all", lambda: concurrency.count_all(database)) == concurrency.Totals(0, 0)
    assert database.engine.pool.checkedin() == 2  # type: ignore[attr-defined]


async def test_a_transfer_without_a_fixed_order_can_deadlock(database: Database) -> None:
    """What `locking` prevents."""
    async with database.session_scope() as db:
        db.add_all([Wallet(balance=100), Wallet(balance=100)])
    met = asyncio.Barrier(2)

    async def lock(*keys: int) -> None:
        async with database.session_scope() as db:
            await db.get(Wallet, keys[0], with_for_update=True)
            await met.wait()
            await db.get(Wallet, keys[1], with_for_update=True)

    first, second = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    error = first or second
    assert isinstance(error, DBAPIError)
    assert error.orig.sqlstate == "40P01"  # type: ignore[union-attr]
