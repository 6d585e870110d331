"""The probes while PostgreSQL is down, silent or busy."""

import asyncio

import pytest
from httpx import AsyncClient

from testkit.service import SLACK, Postgres, Start, get_many, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


async def test_health_with_the_server_down(start: Start, embedded: Postgres) -> None:
    async with start().client() as client:
        assert (await client.get("/readyz")).status_code == 200
        with embedded.stopped():
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("probed_before", [True, False])
async def test_health_with_the_server_hanging(start: Start, embedded: Postgres, probed_before: bool) -> None:
    """Its probe hangs in a query when it has a connection, and in the attempt to connect when it has none."""
    async with start(DATABASE_READINESS_TIMEOUT="1", DATABASE_CONNECT_TIMEOUT="30").client() as client:
        if probed_before:
            assert (await client.get("/readyz")).status_code == 200
        with embedded.frozen():
            async with asyncio.timeout(1 + SLACK):
                assert await get_many(client, "/readyz", 3) == {503: 3}
            assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_health_with_the_pool_full(start: Start, embedded: Postgres) -> None:
    async with start(DATABASE_POOL_SIZE="3", DATABASE_POOL_TIMEOUT="30").client() as client:
        holders = [asyncio.create_task(client.get("/sleep/write?seconds=3")) for _ in range(3)]
        await until(lambda: is_full(client))
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/livez")).status_code == 200
        assert await is_full(client)
        await asyncio.gather(*holders)


async def is_full(client: AsyncClient) -> bool:
    return bool((await client.get("/checked-out")).json() == 3)
