"""PostgreSQL restarts while requests are in flight."""

import asyncio

import pytest

from testkit.service import Postgres, Start, get_many, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_fails_only_what_is_in_flight(start: Start, embedded: Postgres, mode: str) -> None:
    async with start().client() as client:
        assert await get_many(client, "/authors") == {200: 30}  # the pool is full of connections
        in_flight = [
            asyncio.create_task(client.get("/sleep/write?seconds=60")),
            asyncio.create_task(client.get("/sleep/read?seconds=60")),
            asyncio.create_task(client.post("/hold?seconds=3")),  # its COMMIT comes when the server is back
        ]
        await until(lambda: embedded.has_in_flight(3))
        with embedded.stopped(mode):
            while_down = await get_many(client, "/authors")
        in_sequence = [(await client.get("/authors")).status_code for _ in range(30)]
        with embedded.stopped(mode):
            pass
        at_once = await get_many(client, "/authors")
        assert [(await each).status_code for each in in_flight] == [503, 503, 503]
        assert while_down == {503: 30}
        assert in_sequence == [200] * 30
        assert at_once == {200: 30}
