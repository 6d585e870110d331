from typing import Any

import pytest
from httpx import AsyncClient

from ..errors import assert_error


@pytest.fixture
async def author_id(client: AsyncClient) -> Any:
    return (await client.post("/authors", json={"name": "Ursula K. Le Guin"})).json()["id"]


@pytest.fixture
def book(author_id: Any) -> dict[str, Any]:
    return {"title": "The Dispossessed", "isbn": "9780060125639", "pages": 341, "author_id": author_id}


async def test_creates_and_reads(client: AsyncClient, book: dict[str, Any]) -> None:
    created = await client.post("/books", json=book)
    assert created.status_code == 201
    assert created.json().items() >= book.items()
    read = await client.get(f"/books/{created.json()['id']}")
    assert read.status_code == 200
    assert read.json() == created.json()


async def test_refuses_the_same_isbn_twice(client: AsyncClient, book: dict[str, Any]) -> None:
    await client.post("/books", json=book)
    again = await client.post("/books", json=book | {"title": "Another"})
    assert_error(again, 409, constraint="uq_books_isbn")
    assert len((await client.get("/books")).json()["items"]) == 1


async def test_refuses_an_unknown_author(client: AsyncClient, book: dict[str, Any]) -> None:
    assert (await client.delete(f"/authors/{book['author_id']}")).status_code == 204
    assert (await client.post("/books", json=book)).status_code == 409


async def test_pages_and_filters(client: AsyncClient, book: dict[str, Any]) -> None:
    titles = ["A", "B", "B", "C", "100% D"]
    for number, title in enumerate(titles):
        await client.post("/books", json=book | {"title": title, "isbn": f"{number:013}"})
    seen, cursor = [], ""
    while cursor is not None:
        page = (await client.get("/books", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(page["items"]) <= 2
        seen += [item["title"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(titles)
    found = (await client.get("/books", params={"title": "100%", "author_id": book["author_id"]})).json()
    assert [item["title"] for item in found["items"]] == ["100% D"]


async def test_updates_only_what_is_sent(client: AsyncClient, book: dict[str, Any]) -> None:
    created = (await client.post("/books", json=book)).json()
    sent = {"pages": 387, "created_at": "2000-01-01T00:00:00Z"}
    updated = await client.patch(f"/books/{created['id']}", json=sent)
    assert updated.status_code == 200
    assert updated.json() == created | {"pages": 387, "updated_at": updated.json()["updated_at"]}
    assert (await client.get(f"/books/{created['id']}")).json() == updated.json()


async def test_deletes(client: AsyncClient, book: dict[str, Any]) -> None:
    path = f"/books/{(await client.post('/books', json=book)).json()['id']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "x" * 201},
        {"title": None},
        {"title": " "},
        {"title": "a\0b"},
        {"isbn": "978"},
        {"isbn": "\N{ARABIC-INDIC DIGIT NINE}" * 13},
        {"pages": 0},
        {"pages": 2**40},
        {"pages": "341"},
        {"pages": True},
        {"published_on": "yesterday"},
        {"published_on": 0},
        {"author_id": 2**70},
        {"author_id": "1"},
    ],
    ids=str,
)
async def test_refuses_bad_values(client: AsyncClient, book: dict[str, Any], changes: dict[str, Any]) -> None:
    created = (await client.post("/books", json=book)).json()
    for answer in (
        await client.post("/books", json=book | {"isbn": "9780000000000"} | changes),
        await client.patch(f"/books/{created['id']}", json=changes),
    ):
        assert_error(answer, 422)


@pytest.mark.parametrize("cursor", ["x", "eA==", "bnVsbA==", "WyJ0aXRsZSBpZCJd", "é"])
async def test_refuses_unknown_cursors(client: AsyncClient, cursor: str) -> None:
    assert_error(await client.get("/books", params={"cursor": cursor}), 422)


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 101}, {"limit": "1_0"}, {"title": "\0"}, {"author_id": "1_0"}, {"author_id": 2**70}],
    ids=str,
)
async def test_refuses_bad_queries(client: AsyncClient, query: dict[str, Any]) -> None:
    assert (await client.get("/books", params=query)).status_code == 422
