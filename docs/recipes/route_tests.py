from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from recipes.clock import get_clock
from recipes.factories import new_author
from shop.books.models import Book
from sqlalchemy.ext.asyncio import AsyncSession


async def test_a_book_is_created(client: AsyncClient, db: AsyncSession) -> None:
    """`client` calls the application, and `db` is a session to prepare and look with. Both are rolled back."""
    author = new_author()
    db.add(author)
    await db.commit()
    body = {"title": "Solaris", "isbn": "9780156027601", "pages": 204, "author_id": author.id}
    created = await client.post("/books", json=body)
    assert created.status_code == 201
    assert (await db.get_one(Book, created.json()["id"])).title == "Solaris"


async def test_a_voucher_expires(app: FastAPI, client: AsyncClient) -> None:
    """`app` is the application of `client`. A test overrides any dependency in it."""
    app.dependency_overrides[get_clock] = lambda: lambda: datetime(2026, 1, 1, tzinfo=UTC)
    key = (await client.post("/vouchers")).json()
    app.dependency_overrides[get_clock] = lambda: lambda: datetime(2026, 2, 1, tzinfo=UTC)
    assert (await client.get(f"/vouchers/{key}/valid")).json() is False


@pytest.mark.postgres  # SQLite has no isolation levels, locks on rows, or limits on lengths
async def test_a_long_name_is_refused(db: AsyncSession) -> None:
    db.add(new_author(name="x" * 201))
    with pytest.raises(Exception, match="value too long"):
        await db.flush()
