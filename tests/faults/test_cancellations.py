"""Requests that are given up, by the service or by their clients."""

import asyncio

import pytest

from testkit.service import SLACK, Postgres, Start, get_many, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


NO_LIMIT = {"DATABASE_STATEMENT_TIMEOUT": "0"}


async def test_a_timeout_cancels_the_statement_on_the_server(start: Start, embedded: Postgres) -> None:
    async with start(**NO_LIMIT).client() as client:
        for library in ("asyncio", "anyio"):
            for scope in ("session_scope", "read_scope"):
                assert await get_many(client, f"/limit/{library}/{scope}", 6) == {200: 6}
                await until(embedded.is_idle, 2 + SLACK)
                assert (await client.get("/checked-out")).json() == 0
        assert await get_many(client, "/authors") == {200: 30}


async def test_a_disconnect_cancels_the_query_on_the_server(start: Start, embedded: Postgres) -> None:
    service = start(**NO_LIMIT)
    async with service.client() as client:
        for scope in ("write", "read"):
            requests = [asyncio.create_task(client.get(f"/sleep/{scope}?seconds=60")) for _ in range(6)]
            await until(lambda: embedded.has_in_flight(6))
            for request in requests:
                request.cancel()
            await until(embedded.is_idle, 2 + SLACK)
            assert (await client.get("/checked-out")).json() == 0
        assert await get_many(client, "/authors") == {200: 30}
    assert "Traceback" not in service.output.read_text()


async def test_a_write_finishes_after_its_client_disconnects(start: Start, embedded: Postgres) -> None:
    service = start()
    before = await embedded.fetch("SELECT count(*) FROM authors WHERE name = 'held'")
    async with service.client() as client:
        request = asyncio.create_task(client.post("/hold?seconds=3"))
        await until(lambda: embedded.has_in_flight(1))
        request.cancel()
        await until(embedded.is_idle, 3 + SLACK)
    assert await embedded.fetch("SELECT count(*) FROM authors WHERE name = 'held'") == before + 1
    assert "Traceback" not in service.output.read_text()
