from httpx import AsyncClient


async def test_creates_and_reads(client: AsyncClient) -> None:
    created = await client.post("/authors", json={"name": " Ursula K. Le Guin "})
    assert created.status_code == 201
    assert created.json()["name"] == "Ursula K. Le Guin"
    read = await client.get(f"/authors/{created.json()['id']}")
    assert read.status_code == 200
    assert read.json() == created.json() | {"books": []}


async def test_lists_by_name_with_books(client: AsyncClient) -> None:
    for name in ("Octavia Butler", "Iain Banks"):
        author = (await client.post("/authors", json={"name": name})).json()
        book = {"title": f"By {name}", "isbn": f"{len(name):013}", "pages": 100, "author_id": author["id"]}
        assert (await client.post("/books", json=book)).status_code == 201
    page = (await client.get("/authors")).json()
    assert [author["name"] for author in page["items"]] == ["Iain Banks", "Octavia Butler"]
    assert [book["title"] for book in page["items"][0]["books"]] == ["By Iain Banks"]
    assert page["next_cursor"] is None
    found = (await client.get("/authors", params={"name": "oct"})).json()
    assert [author["name"] for author in found["items"]] == ["Octavia Butler"]


async def test_updates(client: AsyncClient) -> None:
    author = (await client.post("/authors", json={"name": "Iain Banks"})).json()
    updated = await client.patch(f"/authors/{author['id']}", json={"name": "Iain M. Banks"})
    assert updated.status_code == 200
    assert (await client.get(f"/authors/{author['id']}")).json()["name"] == "Iain M. Banks"


async def test_deletes_only_without_books(client: AsyncClient) -> None:
    author = (await client.post("/authors", json={"name": "Iain Banks"})).json()
    book = {"title": "Matter", "isbn": "9781841494180", "pages": 593, "author_id": author["id"]}
    book_id = (await client.post("/books", json=book)).json()["id"]
    refused = await client.delete(f"/authors/{author['id']}")
    assert refused.status_code == 409
    assert (await client.delete(f"/books/{book_id}")).status_code == 204
    assert (await client.delete(f"/authors/{author['id']}")).status_code == 204
    assert (await client.get(f"/authors/{author['id']}")).status_code == 404
