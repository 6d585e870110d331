from httpx import AsyncClient
from shop.auth import Principal

from .auth.login import As
from .errors import assert_error


async def test_an_order_of_somebody_else_is_not_found(client: AsyncClient) -> None:
    ann = As(Principal("ann", frozenset({"orders:write"})))
    order = (await client.post("/orders", json={"cents": 999}, auth=ann)).json()
    path = f"/orders/{order['id']}"
    assert (await client.get(path, auth=ann)).json() == order
    stranger = As(Principal("stranger"))
    assert_error(await client.get(path, auth=stranger), 404)
    assert_error(await client.post("/orders", json={"cents": 999}, auth=stranger), 403)
    assert_error(await client.get(path, auth=None), 401)
