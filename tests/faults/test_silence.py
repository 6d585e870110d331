"""A server that does not answer: frozen, or behind a network that was cut. Its own limits do not end anything then."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic

import pytest
from httpx import AsyncClient, Response

from testkit.network import network
from testkit.pooler import pgbouncer
from testkit.service import Postgres, Start, get_many, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

STATEMENT_TIMEOUT = 4


@dataclass
class Silence:
    """The URL of a database, and how to silence its server."""

    url: str
    pooler: str
    begin: Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["direct", "pooler"])
def reached(request: pytest.FixtureRequest, embedded: Postgres) -> Iterator[tuple[str, str]]:
    """The URL of the database, and DATABASE_POOLER."""
    if request.param == "direct":
        yield embedded.url, "none"
    else:
        with pgbouncer(embedded.url, embedded.programs) as url:
            yield url, "transaction"


@pytest.fixture(params=["frozen", "cut"])
def silence(request: pytest.FixtureRequest, embedded: Postgres, reached: tuple[str, str]) -> Iterator[Silence]:
    url, pooler = reached
    if request.param == "frozen":
        yield Silence(url, pooler, embedded.frozen)
    else:
        with network(url) as behind:
            yield Silence(behind.url, pooler, behind.cut)


async def test_a_silent_server_holds_no_request(start: Start, embedded: Postgres, silence: Silence) -> None:
    service = start(
        DATABASE_URL=silence.url,
        DATABASE_POOLER=silence.pooler,
        DATABASE_STATEMENT_TIMEOUT=str(STATEMENT_TIMEOUT),
        DATABASE_CONNECT_TIMEOUT="2",
        DATABASE_POOL_SIZE="4",
    )
    async with service.client() as client:
        assert await get_many(client, "/authors") == {200: 30}
        held = asyncio.create_task(client.post("/hold?seconds=1"))  # its COMMIT comes when nobody answers
        await until(lambda: embedded.has_in_flight(1))
        with silence.begin():
            for connections in ("open", "new"):
                requests = [timed(client, method, path) for method, path in REQUESTS]
                for answer, seconds in await asyncio.gather(*requests):
                    assert answer.status_code in (503, 504), f"{connections} connections: {answer.text}"
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert seconds < 2 * STATEMENT_TIMEOUT
            assert (await held).status_code == 504
            assert (await client.get("/checked-out")).json() == 0
        assert (await client.get("/authors")).status_code == 200
        assert await get_many(client, "/authors") == {200: 30}


REQUESTS = [("GET", "/authors"), ("POST", "/authors"), ("GET", "/sleep/write?seconds=0")]


async def timed(client: AsyncClient, method: str, path: str) -> tuple[Response, float]:
    started = monotonic()
    answer = await client.request(method, path, json={"name": "Iain Banks"} if method == "POST" else None)
    return answer, monotonic() - started
