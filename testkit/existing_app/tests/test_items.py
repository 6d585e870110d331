import pytest

pytestmark = pytest.mark.anyio


async def test_create_and_read(client) -> None:
    response = await client.post("/items/1", json={"name": "Pen", "price": 1.5})
    assert response.status_code == 201
    assert (await client.get("/items/1")).json() == {"name": "Pen", "price": 1.5}
    assert len((await client.get("/items/")).json()) == 1


async def test_unknown_item(client) -> None:
    response = await client.get("/items/7")
    assert response.status_code == 404
    assert response.json() == {"detail": "Item not found"}


async def test_health(client) -> None:
    assert (await client.get("/health")).json() == {"status": "ok"}
