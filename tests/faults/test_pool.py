"""A pool that is smaller than the number of requests."""

from collections import Counter

import pytest

from testkit.service import Postgres, Start, get_many

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


@pytest.mark.parametrize("clients", [16, 64])
async def test_steady_load_opens_no_connection(start: Start, embedded: Postgres, clients: int) -> None:
    async with start().client() as client:
        # Long enough for all of the pool to be in use.
        await get_many(client, "/sleep/read?seconds=1", clients)
        path = "/sleep/read?seconds=0.02"
        before = embedded.sessions_opened()
        answers: Counter[int] = Counter()
        for _ in range(10):
            answers += await get_many(client, path, clients)
        assert answers == {200: 10 * clients}
        assert embedded.sessions_opened() == before > 0


@pytest.mark.parametrize("path", ["/user-first", "/session-first"])
async def test_requests_with_two_sessions_do_not_wait_for_each_other(
    start: Start, embedded: Postgres, path: str
) -> None:
    before = embedded.sessions_opened()
    async with start(DATABASE_POOL_SIZE="10", DATABASE_POOL_TIMEOUT="30").client() as client:
        assert await get_many(client, path, 200) == {200: 200}
        assert (await client.get("/checked-out")).json() == 0
        assert embedded.sessions_opened() - before == 10


async def test_a_read_session_holds_no_connection_while_it_waits_for_another_service(start: Start) -> None:
    async with start(DATABASE_POOL_SIZE="1", DATABASE_POOL_TIMEOUT="0.5").client() as client:
        assert await get_many(client, "/wait-between-reads?seconds=1") == {200: 30}
