"""The alarms of docs/runbook.md, each provoked: what the page says one sees is seen, and what it says to type helps."""

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from shutil import copytree
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from testkit.projects import ROOT, clean_environment, run
from testkit.service import Postgres, Service, Start, until
from testkit.standbys import standby

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

_, *SECTIONS = re.split(r"^## (.+)\n", (ROOT / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)
ALARMS = dict(zip(SECTIONS[::2], SECTIONS[1::2], strict=True))


def block(alarm: str, language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.+?)```", ALARMS[alarm], re.DOTALL)
    return str(text)


def piece(alarm: str, beginning: str) -> str:
    """The code in a sentence that begins with this."""
    (text,) = re.findall(rf"`({re.escape(beginning)}[^`]+)`", ALARMS[alarm])
    return str(text)


def lines_of(service: Service) -> str:
    """The lines of the log, with level and message."""
    lines = [json.loads(line) for line in service.output.read_text().splitlines() if line.startswith("{")]
    return "\n".join(f"{line['level']} {line['message']}" for line in lines)


def normalized(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "0", re.sub(r"\s*\n", "\n", text))


def assert_seen(alarm: str, output: str) -> None:
    """Each line of the page is in the output, whatever its numbers."""
    for line in normalized(block(alarm, "text")).strip().split("\n"):
        assert line in normalized(output), output


async def rows(embedded: Postgres, statement: str) -> list[Any]:
    connection = await asyncpg.connect(embedded.url, server_settings={"application_name": "psql"})
    try:
        return list(await connection.fetch(statement.replace("'shop'", "'my_service'")))
    finally:
        await connection.close()


async def command(project: Path, text: str, url: str, **environment: str) -> tuple[int | None, str]:
    """The status and the output of a command in the service's folder."""
    path = {"PATH": f"{Path(sys.executable).parent}:{clean_environment()['PATH']}", "PYTHONPATH": str(project / "src")}
    process = await asyncio.create_subprocess_shell(
        text.replace("-m shop", "-m my_service"),
        cwd=project,
        env=clean_environment() | path | {"DATABASE_URL": url} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@asynccontextmanager
async def lock(embedded: Postgres, statement: str) -> AsyncIterator[int]:
    """Somebody's psql that has run the statement and not committed. Yields its pid."""
    connection = await asyncpg.connect(embedded.url, server_settings={"application_name": "psql"})
    try:
        await connection.execute("BEGIN")
        await connection.execute(statement)
        yield connection.get_server_pid()
    finally:
        connection.terminate()


class Gateway:
    """The way to the server by TCP, and by TLS if it has a context. It can be closed."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self.server: asyncio.Server | None = None
        self.clients: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/shop?sslmode={'verify-full' if self.tls else 'disable'}"

    async def open(self) -> None:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    def close(self) -> None:
        assert self.server
        self.server.close()
        for client in self.clients:
            client.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):  # which SSLError is, too
            if self.tls:
                await reader.readexactly(8)  # PostgreSQL's SSLRequest
                writer.write(b"S")
                await writer.start_tls(self.tls)
            server, server_writer = await asyncio.open_unix_connection(self.socket)
            await asyncio.gather(copy(reader, server_writer), copy(server, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def gateway(embedded: Postgres, tls: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    gate = Gateway(f"{make_url(embedded.url).query['host']}/.s.PGSQL.5432")
    gate.tls = tls
    await gate.open()
    try:
        yield gate
    finally:
        gate.close()


async def test_the_pool_is_exhausted(start: Start, embedded: Postgres) -> None:
    alarm = "The pool is exhausted"
    service = start(LOG_FORMAT="json", DATABASE_POOL_SIZE="2", DATABASE_POOL_TIMEOUT="0.5")
    async with service.client() as client:
        held = [asyncio.create_task(client.post("/hold?seconds=2")) for _ in range(2)]
        await until(lambda: embedded.has_in_flight(2))
        answer = await client.get("/authors")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert f"`{answer.json()['detail']}`" in ALARMS[alarm]
        assert_seen(alarm, lines_of(service))
        found = await rows(embedded, block(alarm, "sql"))
        assert [row["state"] for row in found] == ["idle in transaction"] * 2
        assert {(await request).status_code for request in held} == {201}

        async with lock(embedded, "LOCK TABLE authors") as pid:
            waits = asyncio.create_task(client.get("/authors"))
            await until(lambda: embedded.has_blocked(1))
            (found,) = await rows(embedded, block(alarm, "sql"))
            assert (found["state"], found["wait_event_type"], found["blocked_by"]) == ("active", "Lock", [pid])
            await rows(embedded, piece(alarm, "SELECT pg_terminate").replace("4711", str(pid)))
            assert (await waits).status_code == 200


# What the page lists, by what the service may answer.
DETAILS = """
import json
from my_service.database.errors import ERROR_RESPONSES, database_error_response
from sqlalchemy.exc import TimeoutError

responses = [*ERROR_RESPONSES.values(), database_error_response(TimeoutError())]
print(json.dumps(sorted({response.detail for response in responses if response.status == 503})))
"""


async def test_requests_get_a_503(start: Start, embedded: Postgres, probed: Path) -> None:
    alarm = "Requests get a 503"
    status, details = await command(probed, f"python -c '{DETAILS}'", embedded.url)
    assert status == 0, details
    assert sorted(re.findall(r"^\| `(.+)` \|", ALARMS[alarm], re.MULTILINE)) == json.loads(details)

    async with gateway(embedded) as gate:
        service = await asyncio.to_thread(start, LOG_FORMAT="json", DATABASE_URL=gate.url, DATABASE_LOCK_TIMEOUT="0.2")
        async with service.client() as client:
            async with lock(embedded, "LOCK TABLE authors"):
                assert (await client.get("/authors")).json()["detail"] == "The rows are locked."
            assert max(await rows(embedded, block(alarm, "sql")))["application_name"] == "psql"
            gate.close()
            for path in ("/authors", "/readyz"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["detail"]) == (503, "The database is not available.")
            assert_seen(alarm, lines_of(service))
            settings = {"DATABASE_STARTUP_TIMEOUT": "0.5"}
            status, output = await command(probed, block(alarm, "sh"), gate.url, **settings)
            assert status
            assert re.fullmatch(r"Cannot connect to PostgreSQL at .+ Connect call failed .+\n", output), output
            await gate.open()
            assert (await client.get("/authors")).status_code == 200
            status, output = await command(probed, block(alarm, "sh"), gate.url, **settings)
            assert status == 0, output


async def test_statements_are_slow(start: Start, embedded: Postgres) -> None:
    alarm = "Statements are slow"
    limits = {"DATABASE_LOCK_TIMEOUT": "0", "DATABASE_STATEMENT_TIMEOUT": "2", "DATABASE_SLOW_STATEMENT": "0.5"}
    service = start(LOG_FORMAT="json", **limits)
    async with service.client() as client, lock(embedded, "LOCK TABLE authors") as pid:
        answers = [asyncio.create_task(client.get("/authors")) for _ in range(2)]
        await until(lambda: embedded.has_blocked(2))
        found = await rows(embedded, block(alarm, "sql"))
        assert {(row["wait_event_type"], *row["blocked_by"]) for row in found} == {("Lock", pid)}
        await rows(embedded, piece(alarm, "SELECT pg_cancel").replace("4711", str(found[0]["pid"])))
        await until(lambda: embedded.has_blocked(1), 1)  # before the other one meets its limit
        for answer in await asyncio.gather(*answers):
            assert (answer.status_code, f"`{answer.json()['detail']}`" in ALARMS[alarm]) == (504, True)
        assert_seen(alarm, lines_of(service))


MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("authors", sa.Column("born", sa.Integer()))
"""


@pytest_asyncio.fixture
async def migrating(probed: Path, embedded: Postgres, tmp_path: Path) -> AsyncIterator[Path]:
    """The service with one more migration."""
    project = tmp_path / "service"
    await asyncio.to_thread(copytree, probed, project)
    (versions,) = project.glob("src/*/database/migrations/versions")
    (versions / "0002_born.py").write_text(MIGRATION)
    yield project
    await rows(embedded, "ALTER TABLE authors DROP COLUMN IF EXISTS born")
    await rows(embedded, "UPDATE alembic_version SET version_num = '0001'")


async def test_a_migration_is_blocked(start: Start, embedded: Postgres, migrating: Path) -> None:
    alarm = "A migration is blocked"
    limits = {"DATABASE_MIGRATION_TIMEOUT": "1", "DATABASE_MIGRATION_LOCK_TIMEOUT": "0.2"}
    upgrade = block(alarm, "sh")
    async with start().client() as client, lock(embedded, "SELECT name FROM authors FOR UPDATE") as pid:
        migration = asyncio.create_task(command(migrating, upgrade, embedded.url, **limits))
        while not migration.done():  # the service runs on
            assert (await client.get("/authors")).status_code == 200
            await asyncio.sleep(0.2)
        status, output = await migration
        assert status
        assert_seen(alarm, output)
        assert f"pid {pid} " in output
        await rows(embedded, block(alarm, "sql").replace("4711", str(pid)))
        connection = await asyncpg.connect(embedded.url)
        await connection.execute(f"SELECT pg_advisory_lock({int.from_bytes(b'alembic')})")
        status, output = await command(migrating, upgrade, embedded.url, **limits)
        assert status
        assert normalized(piece(alarm, "Another migration is running")) in normalized(output)
        await connection.close()
        status, output = await command(migrating, upgrade, embedded.url, **limits)
        assert status == 0, output


@pytest.fixture
def replica(embedded: Postgres) -> Iterator[Postgres]:
    """A standby with a slot of its own."""
    with standby(embedded, "replica") as replica:
        yield replica


async def test_a_replica_is_gone(start: Start, embedded: Postgres, replica: Postgres) -> None:
    """PostgreSQL stops when its disk is full. Here it is stopped."""
    alarm = "A replica is gone, or its disk is full"
    async with gateway(replica) as gate:
        service = await asyncio.to_thread(start, LOG_FORMAT="json", DATABASE_READ_URL=gate.url)
        async with service.client() as client:
            assert (await client.get("/authors")).status_code == 200
            gate.close()
            with replica.stopped("immediate"):

                async def avoided() -> bool:
                    assert (await client.get("/authors")).status_code == 200
                    return "Reads avoid" in lines_of(service)

                await until(avoided)
                assert_seen(alarm, lines_of(service))
                assert (await client.post("/authors", json={"name": "Iain Banks"})).status_code == 201
                assert (await client.get("/readyz")).status_code == 200
                await embedded.fetch("SELECT pg_switch_wal()")
                (slot,) = await rows(embedded, block(alarm, "sql"))
                assert (slot["slot_name"], slot["active"], slot["wal_status"]) == ("replica", False, "reserved")
                assert slot["kept"].endswith("MB"), slot
            await until(embedded.has_replica)
            await gate.open()
            assert (await client.get("/authors")).status_code == 200
    assert await replica.fetch(piece(alarm, "SELECT now()")) is not None
    with replica.stopped("immediate"):
        await rows(embedded, piece(alarm, "SELECT pg_drop_replication_slot"))
        assert await rows(embedded, block(alarm, "sql")) == []


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext, Path]:
    """A certificate of this machine, one that has expired, and a file with both, for who trusts them."""
    new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1")
    contexts = []
    for name in ("good", "expired"):  # with one name, OpenSSL would look only at the first that is trusted
        subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
        run(tmp_path, *new, *subject, "-keyout", f"{name}.key", "-out", f"{name}.pem")
        if name == "expired":
            again = ("-in", "expired.pem", "-signkey", "expired.key", "-days", "-1", "-out", "expired.pem")
            run(tmp_path, "openssl", "x509", *again)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        contexts.append(context)
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "good.pem").read_text() + (tmp_path / "expired.pem").read_text())
    return contexts[0], contexts[1], both


async def test_a_certificate_has_expired(
    start: Start, embedded: Postgres, probed: Path, certificates: tuple[ssl.SSLContext, ssl.SSLContext, Path]
) -> None:
    alarm = "A certificate has expired"
    good, expired, trusted = certificates
    async with gateway(embedded, good) as gate:
        # Each connection is as old as the pool lets it be.
        settings = {"DATABASE_URL": gate.url, "PGSSLROOTCERT": str(trusted), "DATABASE_POOL_RECYCLE": "0"}
        service = await asyncio.to_thread(start, LOG_FORMAT="json", **settings)
        async with service.client() as client:
            assert (await client.get("/authors")).status_code == 200
            gate.tls = expired
            answers = [await client.get("/authors") for _ in range(2)]
            assert answers[-1].status_code == 503
            assert_seen(alarm, lines_of(service))
            asks = block(alarm, "sh").replace("db.example.com:5432", f"127.0.0.1:{gate.port}")
            _, output = await command(probed, asks, gate.url)
            assert re.search(r"^notAfter=", output, re.MULTILINE), output
            gate.tls = good
            assert (await client.get("/authors")).status_code == 200
