"""The recipes about handlers and their tests."""

import asyncio
import re
import threading
from itertools import count
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from recipes import blocking, clock, commit_refresh, domain_errors, offline_docs, offset_pages, route_tests
from recipes.commit_refresh import Payment
from recipes.domain_errors import Seat
from recipes.factories import new_author, new_book
from shop.database import Database
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tests.database.backends import checked_out

from .conftest import Serve, Trace, application

pytestmark = pytest.mark.postgres


async def test_route_tests(app: FastAPI, client: AsyncClient, db: AsyncSession, trace: Trace) -> None:
    app.include_router(clock.router)
    await route_tests.test_a_book_is_created(client, db)
    await route_tests.test_a_voucher_expires(app, client)
    numbers = count()
    author = (await client.post("/authors", json={"name": "Stanisław Lem"})).json()
    book = {"title": "Solaris", "pages": 204, "author_id": author["id"]}
    await trace("POST /books", lambda: client.post("/books", json=book | {"isbn": f"{next(numbers):013}"}))
    await route_tests.test_a_long_name_is_refused(db)
    await db.rollback()


async def test_domain_errors(database: Database, trace: Trace) -> None:
    async with database.session_scope() as db:
        db.add_all([Seat(guest=None), Seat(guest=None)])
    app = application(database, domain_errors.router)
    domain_errors.add_domain_error_handler(app)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        reserved = await asyncio.gather(*(client.post(f"/seats/1?guest={guest}") for guest in "ab"))
        assert sorted(response.status_code for response in reserved) == [204, 409]
        refused = await trace("POST /seats/1, which is taken", lambda: client.post("/seats/1?guest=c"))
        assert (refused.status_code, refused.json()["detail"]) == (409, "Seat 1 is taken.")
        assert (await client.post("/seats/3?guest=c")).status_code == 404
    async with database.read_scope() as db:
        assert (await db.get_one(Seat, 1)).guest in ("a", "b")


async def test_offline_docs(tmp_path: Path, trace: Trace) -> None:
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        (tmp_path / name).touch()
    app = FastAPI(docs_url=None, redoc_url=None)
    offline_docs.serve_docs(app, tmp_path)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        page = await trace("GET /docs", lambda: client.get("/docs"))
        addresses = re.findall(r'(?:src|href)="(.+?)"', page.text)
        assert len(addresses) == 3
        assert [(await client.get(address)).status_code for address in addresses] == [200, 200, 200]
    hidden = FastAPI(openapi_url=None)
    offline_docs.serve_docs(hidden, tmp_path)
    assert hidden.routes == []


async def test_commit_refresh(database: Database, trace: Trace) -> None:
    async def charge(payment: Payment) -> str:
        assert (payment.id, payment.created_at.tzinfo is None) == (payment.id, False)
        assert checked_out(database.engine) == 0
        if payment.amount == 13:
            raise ConnectionError
        return "paid"

    async def get_charge() -> object:
        return charge

    app = application(database, commit_refresh.router)
    app.dependency_overrides[commit_refresh.get_charge] = get_charge
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        paid = await trace("POST /payments", lambda: client.post("/payments?amount=5"))
        assert paid.json() == {"id": 2, "state": "paid"}
        with pytest.raises(ConnectionError):
            await client.post("/payments?amount=13")
    async with database.read_scope() as db:
        assert (await db.scalars(select(Payment.state).order_by(Payment.id))).all() == ["paid", "paid", "pending"]


async def test_blocking(database: Database, serve: Serve, trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(blocking.router)
    await trace("POST /api-keys", lambda: client.post("/api-keys?secret=s"))
    done, running = threading.Event(), threading.Event()

    def block(_: str) -> bytes:
        running.set()
        assert done.wait(5)
        return b"hash"

    monkeypatch.setattr(blocking, "hash_slowly", block)
    blocked = asyncio.create_task(client.post("/api-keys?secret=s"))
    assert await asyncio.to_thread(running.wait, 5)
    # Others are served, and the request that waits holds no connection.
    assert (await client.get("/books")).status_code == 200
    assert checked_out(database.engine) == 0
    done.set()
    assert (await blocked).status_code == 201


async def test_offset_pages(database: Database, serve: Serve, trace: Trace) -> None:
    async with database.session_scope() as db:
        author = new_author()
        db.add_all(new_book(author=author, title=str(pages), pages=pages) for pages in (100, 300, 200))
    client = serve(offset_pages.router)
    page = (await trace("GET /table?offset=1&limit=1", lambda: client.get("/table?offset=1&limit=1"))).json()
    assert page == {"items": [{"title": "200", "pages": 200}], "total": 3}
    assert (await client.get(f"/table?offset={2**31}")).status_code == 422
