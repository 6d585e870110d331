"""Reads from two streaming standbys that lag, fail, freeze, cancel reads and are promoted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from httpx import AsyncClient, Request
from sqlalchemy import make_url

from testkit.projects import execute, run
from testkit.rendering import load_devserver
from testkit.service import Postgres, Service, Start, serve, until
from testkit.standbys import standby, together

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

SETTINGS = {"DATABASE_READINESS_TIMEOUT": "1"}


@pytest.fixture(scope="module")
def first(embedded: Postgres) -> Iterator[Postgres]:
    """A standby that cancels each read that is in its way."""
    with standby(embedded, "first", max_standby_streaming_delay="0") as first:
        yield first


@pytest.fixture(scope="module")
def second(embedded: Postgres) -> Iterator[Postgres]:
    with standby(embedded, "second") as second:
        yield second


@pytest.fixture(scope="module")
def service(probed: Path, embedded: Postgres, first: Postgres, second: Postgres) -> Iterator[Service]:
    urls = {"DATABASE_URL": embedded.url, "DATABASE_READ_URL": together(first, second)}
    with TemporaryDirectory() as folder, serve(probed, Path(folder) / "output", **urls, **SETTINGS) as service:
        yield service


async def readers(service: Service, scope: str = "read_scope", times: int = 8) -> Counter[str]:
    """Which servers answer reads that come one after the other."""
    async with service.client() as client:
        answers = [await client.get(f"/cluster-name/{scope}") for _ in range(times)]
    assert {answer.status_code for answer in answers} == {200}
    return Counter(answer.json() for answer in answers)


async def until_read_from(service: Service, *names: str) -> None:
    async def reached() -> bool:
        return set(await readers(service)) == set(names)

    await until(reached, 10)


async def test_reads_are_spread_over_the_replicas(service: Service) -> None:
    await until_read_from(service, "first", "second")
    assert await readers(service) == {"first": 4, "second": 4}
    assert await readers(service, "session_scope") == {"": 8}


async def misses(client: AsyncClient, times: int) -> int:
    """How often an author that was just created is not found."""
    missed = 0
    for _ in range(times):
        created = await client.post("/authors", json={"name": "Iain Banks"})
        assert created.status_code == 201
        answer = await client.get(f"/authors/{created.json()['id']}")
        assert answer.status_code in (200, 404)
        missed += answer.status_code == 404
    return missed


async def test_callers_read_what_they_wrote(service: Service) -> None:
    await until_read_from(service, "first", "second")
    async with service.client() as client:
        assert await misses(client, 1000) == 0
        (cookie,) = client.cookies.jar
        assert (cookie.name, cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == ("read-primary", "/", True)
        client.cookies.clear()
        answer = await client.get("/authors")
        assert "set-cookie" not in answer.headers
    async with service.client() as forgetful:
        forgetful.event_hooks["request"].append(forget_cookies)
        assert await misses(forgetful, 50) > 0


async def forget_cookies(request: Request) -> None:
    request.headers.pop("cookie", None)


async def test_a_replica_that_lags_is_left_out(
    service: Service, start: Start, embedded: Postgres, first: Postgres, second: Postgres
) -> None:
    await until_read_from(service, "first", "second")
    await second.fetch("SELECT pg_wal_replay_pause()")
    await embedded.fetch("INSERT INTO authors (name) VALUES ('Iain Banks')")
    await until_read_from(service, "first")
    tolerant = start(DATABASE_READ_URL=together(first, second), DATABASE_REPLICA_MAX_LAG="0")
    assert await readers(tolerant) == {"first": 4, "second": 4}
    await second.fetch("SELECT pg_wal_replay_resume()")
    await until_read_from(service, "first", "second")


async def test_without_replicas_the_primary_answers(service: Service, first: Postgres, second: Postgres) -> None:
    async with reading(service) as answers:
        with second.stopped("immediate"):
            await until_read_from(service, "first")
            with first.stopped("immediate"):
                await until_read_from(service, "")
        await until_read_from(service, "first", "second")
    assert {status for _, status in answers} == {200}


async def test_a_frozen_replica_holds_no_read(service: Service, second: Postgres) -> None:
    await until_read_from(service, "first", "second")
    async with reading(service) as answers:
        with second.frozen():
            await until_read_from(service, "first")
            before = Counter(answers)

            async def all_go_on() -> bool:
                return all(answers[key] > before[key] for key in before)

            await until(all_go_on)
        await until_read_from(service, "first", "second")
    assert {status for _, status in answers} == {200}


@asynccontextmanager
async def reading(service: Service) -> AsyncIterator[Counter[tuple[int, int]]]:
    """Eight clients that read all the time. Counts the number of the client and the status of each answer."""
    answers: Counter[tuple[int, int]] = Counter()
    ended = asyncio.Event()

    async def read(number: int) -> None:
        async with service.client() as client:
            while not ended.is_set():
                # On a busy machine, the server may close a connection that the client keeps between two requests.
                answer = await client.get("/authors", headers={"Connection": "close"})
                answers[number, answer.status_code] += 1
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(read(number))
        try:
            yield answers
        finally:
            ended.set()


async def test_a_read_that_a_replica_cancels_is_retried(start: Start, embedded: Postgres, first: Postgres) -> None:
    service = start(DATABASE_READ_URL=first.url)
    await embedded.fetch("CREATE TABLE IF NOT EXISTS vacuumed AS SELECT 1 AS id")
    await until(lambda: first.fetch("SELECT to_regclass('vacuumed')::text"))  # its lock would cancel the read, too
    await until_read_from(service, "first")
    async with service.client() as client:
        read = asyncio.create_task(client.get("/sleep/read?seconds=2"))
        await until(lambda: first.has_in_flight(1))
        await embedded.fetch("DELETE FROM vacuumed")
        await embedded.fetch("VACUUM vacuumed")
        assert (await read).status_code == 200
    log = service.output.read_text()
    assert "A read is retried on the primary: " in log
    assert "canceling statement due to conflict with recovery" in log
    await embedded.fetch("DROP TABLE vacuumed")


async def test_reads_return_to_standbys_after_a_failover(probed: Path, tmp_path: Path) -> None:
    programs = load_devserver(probed)
    with ExitStack() as stack:
        data = Path(stack.enter_context(TemporaryDirectory())) / "data"
        old = Postgres(programs, data, stack.enter_context(programs.serve(data, database="shop")))
        run(probed, "alembic", "upgrade", "head", DATABASE_URL=old.url)
        new, other = (stack.enter_context(standby(old, name)) for name in ("new", "other"))
        servers = together(old, new, other)
        urls = {"DATABASE_URL": f"{servers}&target_session_attrs=read-write", "DATABASE_READ_URL": servers}
        service = stack.enter_context(serve(probed, tmp_path / "output", **urls, **SETTINGS))
        await until_read_from(service, "new", "other")
        async with reading(service) as answers, service.client() as client:
            programs.run("pg_ctl", "stop", "-D", data, "-m", "immediate")
            await until_read_from(service, "new", "other")
            programs.run("pg_ctl", "promote", "-D", new.data)

            async def writes() -> bool:
                return (await client.post("/authors", json={"name": "Iain Banks"})).status_code == 201

            await until(writes)
            await until_read_from(service, "new")  # because the other one falls behind
            await new.fetch("SELECT pg_create_physical_replication_slot('other')")
            await other.fetch(f"ALTER SYSTEM SET primary_conninfo = '{address_of(new)}'")
            await other.fetch("SELECT pg_reload_conf()")
            await until_read_from(service, "other")
        assert {status for _, status in answers} == {200}


def address_of(server: Postgres) -> str:
    address = make_url(server.url).query
    return f"host={address['host']} port={address['port']} user=postgres"


def replica_url(first: Postgres, **parts: Any) -> str:
    return make_url(first.url).set(**parts).render_as_string()


@pytest.mark.parametrize(
    ("name", "make", "starts", "sentence"),
    [
        ("URL", lambda first: first.url, False, ": the server is a standby; name the primary, or all "),
        ("URL", lambda _: "postgresql://u@no.invalid/shop", False, "Cannot connect to PostgreSQL at no.invalid, "),
        (
            "READ_URL",
            lambda _: "postgresql://u@no.invalid/shop",
            True,
            "Reads avoid no.invalid, database 'shop', ",
        ),
        ("READ_URL", lambda first: replica_url(first, username="nobody"), False, 'role "nobody" does not exist. Check'),
        ("READ_URL", lambda first: replica_url(first, database="none"), False, 'database "none" does not exist. Check'),
        ("READ_URL", lambda first: replica_url(first, username="bare"), True, "The role 'bare' may not read any table"),
    ],
)
async def test_a_bad_setting_is_one_sentence(
    probed: Path,
    embedded: Postgres,
    first: Postgres,
    name: str,
    make: Callable[[Postgres], str],
    starts: bool,
    sentence: str,
) -> None:
    if "bare" in sentence:
        await embedded.fetch("CREATE ROLE bare LOGIN")
        await until(lambda: first.fetch("SELECT 1 FROM pg_roles WHERE rolname = 'bare'"))
    settings = {"DATABASE_URL": embedded.url, f"DATABASE_{name}": make(first), "DATABASE_STARTUP_TIMEOUT": "2"}
    status, output = execute(probed, "python", "-m", "my_service.database", **settings)
    assert (status == 0) is starts, output
    assert sentence in output
    assert f"DATABASE_{name}" in output or starts
    assert len(output.splitlines()) == (3 if starts else 1), output
