"""A rendered service under restarts, locks, hanging servers and clients that give up.

Its production command runs in a process of its own, on a PostgreSQL that no other test has.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

import asyncpg
import pytest
from httpx import AsyncClient

from testkit.projects import run
from testkit.rendering import Render, load_devserver
from testkit.service import SLACK, Postgres, Service, add_probes, launch, serve, until, wait_for_output

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


class Start(Protocol):
    def __call__(self, **environment: str) -> Service: ...


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    project = render()
    add_probes(project)
    return project


@pytest.fixture(scope="module")
def postgres(project: Path) -> Iterator[Postgres]:
    programs = load_devserver(project)
    # Not in pytest's folder: the next run closes that to others, and with it to the account of PostgreSQL under root.
    with TemporaryDirectory() as folder, programs.serve(data := Path(folder) / "data", database="shop") as url:
        postgres = Postgres(programs, data, url)
        asyncio.run(postgres.fetch("ALTER SYSTEM SET log_connections = on"))
        asyncio.run(postgres.fetch("SELECT pg_reload_conf()"))
        run(project, "alembic", "upgrade", "head", DATABASE_URL=url)
        yield postgres


@pytest.fixture
def start(project: Path, postgres: Postgres, tmp_path: Path) -> Iterator[Start]:
    """Start the service, with other settings if need be. It ends with the test."""
    with ExitStack() as stack:

        def start(**environment: str) -> Service:
            environment = {"DATABASE_URL": postgres.url} | environment
            return stack.enter_context(serve(project, tmp_path / "output", **environment))

        yield start


async def get(client: AsyncClient, path: str, times: int = 30) -> Counter[int]:
    """The statuses of requests that are all sent at once."""
    return Counter(answer.status_code for answer in await asyncio.gather(*(client.get(path) for _ in range(times))))


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_fails_only_what_is_in_flight(start: Start, postgres: Postgres, mode: str) -> None:
    async with start().client() as client:
        assert await get(client, "/authors") == {200: 30}  # the pool is full of connections
        in_flight = [
            asyncio.create_task(client.get("/sleep/write?seconds=60")),
            asyncio.create_task(client.get("/sleep/read?seconds=60")),
            asyncio.create_task(client.post("/hold?seconds=3")),  # its COMMIT comes when the server is back
        ]
        await until(lambda: all_in_flight(postgres))
        with postgres.stopped(mode):
            while_down = await get(client, "/authors")
        in_sequence = [(await client.get("/authors")).status_code for _ in range(30)]
        with postgres.stopped(mode):
            pass
        at_once = await get(client, "/authors")
        assert [(await each).status_code for each in in_flight] == [503, 503, 503]
        assert while_down == {503: 30}
        assert in_sequence == [200] * 30
        assert at_once == {200: 30}


async def all_in_flight(postgres: Postgres) -> bool:
    return await postgres.count("wait_event = 'PgSleep' OR state = 'idle in transaction'") == 3


@pytest.mark.parametrize("clients", [16, 64])
async def test_steady_load_opens_no_connection(start: Start, postgres: Postgres, clients: int) -> None:
    async with start().client() as client:
        path = "/sleep/read?seconds=0.02"  # long enough for all of the pool to be in use
        await get(client, path, clients)
        before = postgres.sessions_opened()
        answers: Counter[int] = Counter()
        for _ in range(10):
            answers += await get(client, path, clients)
        assert answers == {200: 10 * clients}
        assert postgres.sessions_opened() == before > 0


async def test_a_locked_table_is_survived(start: Start, postgres: Postgres) -> None:
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
        connection = await asyncpg.connect(postgres.url)
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
        assert await nothing_runs(postgres)
        assert await get(client, "/authors", 60) == {200: 60}


async def test_what_is_given_up_ends_on_the_server(start: Start, postgres: Postgres) -> None:
    async with start(**NO_LIMIT).client() as client:
        for library in ("asyncio", "anyio"):
            for scope in ("session_scope", "read_scope"):
                assert await get(client, f"/limit/{library}/{scope}", 6) == {200: 6}
                await until(lambda: nothing_runs(postgres), 2 + SLACK)
                assert (await client.get("/checked-out")).json() == 0
        assert await get(client, "/authors") == {200: 30}


async def test_what_a_client_leaves_ends_on_the_server(start: Start, postgres: Postgres) -> None:
    service = start(**NO_LIMIT)
    async with service.client() as client:
        for scope in ("write", "read"):
            requests = [asyncio.create_task(client.get(f"/sleep/{scope}?seconds=60")) for _ in range(6)]
            await until(lambda: six_run(postgres))
            for request in requests:
                request.cancel()
            await until(lambda: nothing_runs(postgres), 2 + SLACK)
            assert (await client.get("/checked-out")).json() == 0
        assert await get(client, "/authors") == {200: 30}
    assert "Traceback" not in service.output.read_text()


async def test_a_write_whose_client_leaves_is_not_cut_short(start: Start, postgres: Postgres) -> None:
    service = start()
    before = await postgres.fetch("SELECT count(*) FROM authors WHERE name = 'held'")
    async with service.client() as client:
        request = asyncio.create_task(client.post("/hold?seconds=3"))
        await until(lambda: one_holds(postgres))
        request.cancel()
        await until(lambda: nothing_runs(postgres), 3 + SLACK)
    assert await postgres.fetch("SELECT count(*) FROM authors WHERE name = 'held'") == before + 1
    assert "Traceback" not in service.output.read_text()


async def one_holds(postgres: Postgres) -> bool:
    return await postgres.count("state = 'idle in transaction'") == 1


NO_LIMIT = {"DATABASE_STATEMENT_TIMEOUT": "0"}


async def nothing_runs(postgres: Postgres) -> bool:
    return await postgres.count("state <> 'idle'") == 0


async def six_run(postgres: Postgres) -> bool:
    return await postgres.count("wait_event = 'PgSleep'") == 6


async def test_sigterm_lets_requests_end_and_closes_the_pool(start: Start, postgres: Postgres) -> None:
    service = start()
    async with service.client() as client:
        await get(client, "/authors")
        requests = [
            asyncio.create_task(client.get("/sleep/write?seconds=2")),
            asyncio.create_task(client.get("/sleep/read?seconds=2")),
            asyncio.create_task(client.post("/hold?seconds=2")),
        ]
        await until(lambda: all_in_flight(postgres))
        lost = await postgres.fetch(LOST)
        service.process.terminate()
        assert [(await request).status_code for request in requests] == [200, 200, 201]
    await asyncio.to_thread(service.process.wait, 30)
    await until(lambda: nobody_connected(postgres))
    # The kernel closes the sockets of any process that ends. PostgreSQL tells that from a goodbye.
    assert await postgres.fetch(LOST) == lost


async def nobody_connected(postgres: Postgres) -> bool:
    return await postgres.count("true") == 0


LOST = "SELECT sessions_abandoned FROM pg_stat_database WHERE datname = 'shop'"


@pytest.mark.parametrize(
    "workers",
    ["1", pytest.param("2", marks=pytest.mark.xfail(strict=True, reason="uvicorn ends with 0 when workers do not"))],
)
async def test_a_start_without_a_server_is_one_sentence(project: Path, tmp_path: Path, workers: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        port = nobody.getsockname()[1]
        url = f"postgresql://ann:s3cret@127.0.0.1:{port}/shop"
        status, output = fail_to_start(
            project, tmp_path, DATABASE_URL=url, DATABASE_STARTUP_TIMEOUT="0.5", WEB_CONCURRENCY=workers
        )
    assert status != 0
    sentence = f"Cannot connect to PostgreSQL at 127.0.0.1:{port}, database 'shop', user 'ann', within 0.5 s: "
    assert output.count(sentence) == int(workers)
    assert "s3cret" not in output
    assert "Traceback" not in output


async def test_a_start_waits_for_a_server_that_comes_late(project: Path, postgres: Postgres, tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {"DATABASE_URL": postgres.url, "DATABASE_STARTUP_TIMEOUT": "30"}
    with ExitStack() as stack:
        with postgres.stopped():
            process = stack.enter_context(launch(project, output, **environment))
            wait_for_output(process, output, "Waiting for application startup")
            await asyncio.sleep(0.5)
        wait_for_output(process, output, "Application startup complete")


async def test_a_start_without_a_url_is_one_sentence(project: Path, tmp_path: Path) -> None:
    status, output = fail_to_start(project, tmp_path)
    assert status != 0
    assert output.count("DATABASE_URL is not set") == 1
    assert "Traceback" not in output


def fail_to_start(project: Path, folder: Path, **environment: str) -> tuple[int, str]:
    with launch(project, folder / "output", **environment) as process:
        return process.wait(30), (folder / "output").read_text()


async def test_health_with_the_server_down(start: Start, postgres: Postgres) -> None:
    async with start().client() as client:
        assert (await client.get("/readyz")).status_code == 200
        with postgres.stopped():
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("probed_before", [True, False])
async def test_health_with_the_server_hanging(start: Start, postgres: Postgres, probed_before: bool) -> None:
    """Its probe hangs in a query when it has a connection, and in the attempt to connect when it has none."""
    async with start(DATABASE_READINESS_TIMEOUT="1", DATABASE_CONNECT_TIMEOUT="30").client() as client:
        if probed_before:
            assert (await client.get("/readyz")).status_code == 200
        with postgres.frozen():
            async with asyncio.timeout(1 + SLACK):
                assert await get(client, "/readyz", 3) == {503: 3}
            assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_health_with_the_pool_full(start: Start, postgres: Postgres) -> None:
    async with start(DATABASE_POOL_SIZE="3", DATABASE_POOL_TIMEOUT="30").client() as client:
        holders = [asyncio.create_task(client.get("/sleep/write?seconds=3")) for _ in range(3)]
        await until(lambda: is_full(client))
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/livez")).status_code == 200
        assert await is_full(client)
        await asyncio.gather(*holders)


async def is_full(client: AsyncClient) -> bool:
    return bool((await client.get("/checked-out")).json() == 3)


async def test_warns_of_more_connections_than_the_server_has(start: Start) -> None:
    service = start(WEB_CONCURRENCY="2", DATABASE_POOL_SIZE="50")
    assert service.output.read_text().count("2 processes x (50 pooled connections + 1 for probes) = 102 is more") == 2
