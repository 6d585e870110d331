"""A table that somebody else has locked."""

import asyncio
from time import monotonic

import asyncpg
import pytest
from httpx import AsyncClient

from testkit.service import SLACK, Postgres, Start, get_many

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


async def test_a_locked_table_does_not_stop_other_requests(start: Start, embedded: Postgres) -> None:
    deadline = 0.5 + 1 + SLACK / 2  # two of the timeouts below, since nobody meets all three
    limits = {"DATABASE_POOL_TIMEOUT": "0.5", "DATABASE_LOCK_TIMEOUT": "0.5", "DATABASE_STATEMENT_TIMEOUT": "1"}
    requests = ["GET /authors", "POST /authors", "GET /sleep/write?seconds=60", "GET /livez"]
    statuses: dict[str, set[int]] = {request: set() for request in requests}
    longest = 0.0

    async def work(client: AsyncClient, request: str, end: float) -> None:
        nonlocal longest
        method, path = request.split()
        body = {"name": "Iain Banks"} if method == "POST" else None
        while (begin := monotonic()) < end:
            statuses[request].add((await client.request(method, path, json=body)).status_code)
            longest = max(longest, monotonic() - begin)
            await asyncio.sleep(0.2)

    async with start(**limits).client() as client:
        connection = await asyncpg.connect(embedded.url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE authors")
            # Longer than any request may take, so that the end of the lock helps nobody.
            end = monotonic() + deadline + 1
            await asyncio.gather(*(work(client, request, end) for request in requests * 15))
        await connection.close()
        assert list(statuses.values()) == [{503}, {503}, {503, 504}, {200}]
        assert longest < deadline
        await asyncio.sleep(1)
        assert (await client.get("/checked-out")).json() == 0
        assert await embedded.is_idle()
        assert await get_many(client, "/authors", 60) == {200: 60}
