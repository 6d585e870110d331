"""The service is asked to stop while requests are in flight."""

import asyncio

import pytest

from testkit.service import Postgres, Start, get_many, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


LOST = "SELECT sessions_abandoned FROM pg_stat_database WHERE datname = 'shop'"


async def test_sigterm_lets_requests_end_and_closes_the_pool(start: Start, embedded: Postgres) -> None:
    service = start()
    async with service.client() as client:
        await get_many(client, "/authors")
        requests = [
            asyncio.create_task(client.get("/sleep/write?seconds=2")),
            asyncio.create_task(client.get("/sleep/read?seconds=2")),
            asyncio.create_task(client.post("/hold?seconds=2")),
        ]
        await until(lambda: embedded.has_in_flight(3))
        lost = await embedded.fetch(LOST)
        service.process.terminate()
        assert [(await request).status_code for request in requests] == [200, 200, 201]
    await asyncio.to_thread(service.process.wait, 30)
    await until(lambda: nobody_connected(embedded))
    # The kernel closes the sockets of any process that ends. PostgreSQL tells that from a goodbye.
    assert await embedded.fetch(LOST) == lost


async def nobody_connected(embedded: Postgres) -> bool:
    return await embedded.count("true") == 0
