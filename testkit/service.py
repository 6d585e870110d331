"""A rendered service as production starts it, and a PostgreSQL of its own that can be stopped, frozen and asked."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from time import monotonic, sleep
from typing import Any, Protocol

import asyncpg
from httpx import AsyncClient, Limits

from .projects import clean_environment, run

# Other work on the machine may take this long, in seconds.
SLACK = 5


def add_probes(project: Path) -> None:
    """Add probes.py, as a user adds a router."""
    (package,) = (project / "src").iterdir()
    copy(Path(__file__).with_name("probes.py"), package)
    main = package / "main.py"
    anchor = "    # Your routers:\n"
    assert anchor in main.read_text()
    main.write_text(
        main.read_text()
        .replace("from . import health\n", "from . import health, probes\n")
        .replace(anchor, f"{anchor}    app.include_router(probes.router)\n")
    )


@dataclass
class Postgres:
    """A server on a Unix socket. `programs` is the rendered database/devserver.py."""

    programs: Any
    data: Path
    url: str

    @contextmanager
    def stopped(self, mode: str = "fast") -> Iterator[None]:
        self.programs.run("pg_ctl", "stop", "-D", self.data, "-m", mode)
        try:
            yield
        finally:
            # With what it was started with the first time, so that its socket is where it was.
            self.programs.run("pg_ctl", "restart", "-D", self.data, "-l", self.data / "log")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Accepts connections, since the kernel does that, and answers nobody."""
        postmaster = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGSTOP)  # first, so that it has no more children
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]

        def send(number: signal.Signals) -> None:
            for process in processes:
                with suppress(ProcessLookupError):  # such as a worker of autovacuum, which ends by itself
                    os.kill(process, number)

        send(signal.SIGSTOP)
        try:
            yield
        finally:
            send(signal.SIGCONT)

    def sessions_opened(self) -> int:
        """How often the service has connected so far. The log knows: pg_stat_activity misses short sessions."""
        return (self.data / "log").read_text().count("connection authorized: user=postgres database=shop application")

    async def count(self, condition: str) -> int:
        """How many connections of the service are in this state."""
        return int(
            await self.fetch(
                f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'my_service' AND {condition}"  # noqa: S608
            )
        )

    async def has_in_flight(self, requests: int) -> bool:
        """Whether this many requests run a statement or have a transaction open."""
        return await self.count("wait_event = 'PgSleep' OR state = 'idle in transaction'") == requests

    async def has_blocked(self, requests: int) -> bool:
        """Whether this many requests wait for a lock."""
        return await self.count("wait_event_type = 'Lock'") == requests

    async def has_replica(self) -> bool:
        """Whether a standby receives what this server writes."""
        return bool(await self.fetch("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"))

    async def is_idle(self) -> bool:
        """Whether the service runs no statement and has no transaction open."""
        return await self.count("state <> 'idle'") == 0

    async def fetch(self, statement: str) -> Any:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def initialized(programs: Any, data: Path, user: str, password: str) -> Iterator[int]:
    """The port of a new server, initialized as the image of PostgreSQL does. It asks for passwords."""
    data.mkdir(mode=0o700)
    programs.give_away(data)
    file = data.with_suffix(".password")
    file.write_text(password)
    programs.give_away(file)
    programs.run("initdb", "-D", data, "-U", user, "--auth=scram-sha-256", f"--pwfile={file}", "--no-sync")
    port = free_port()
    programs.run("pg_ctl", "start", "-D", data, "-l", data / "log", "-o", f"-p {port} -k '' -c fsync=off")
    try:
        yield port
    finally:
        programs.run("pg_ctl", "stop", "-D", data, "-m", "immediate")


@dataclass
class Service:
    process: "subprocess.Popen[bytes]"
    output: Path
    url: str

    def client(self) -> AsyncClient:
        # uvicorn closes a connection after 5 seconds without a request: leave it before that.
        limits = Limits(max_connections=100, keepalive_expiry=1)
        return AsyncClient(base_url=self.url, timeout=60, limits=limits)


class Start(Protocol):
    def __call__(self, **environment: str) -> Service: ...


async def get_many(client: AsyncClient, path: str, times: int = 30) -> Counter[int]:
    """The statuses of requests that are all sent at once."""
    return Counter(answer.status_code for answer in await asyncio.gather(*(client.get(path) for _ in range(times))))


@contextmanager
def launch(project: Path, output: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The process of the image's CMD, on a free port of this machine alone."""
    (command,) = re.findall(r"(?m)^CMD (\[.*\])$", (project / "Dockerfile").read_text())
    with output.open("wb") as file:
        process = subprocess.Popen(
            json.loads(command),
            cwd=project,
            env=clean_environment()
            | {"PYTHONPATH": str(project / "src"), "PYTHONUNBUFFERED": "1", "PORT": "0"}
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        # The parent of several workers ends them before it ends. One that hangs is killed.
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


@contextmanager
def serve(project: Path, output: Path, **environment: str) -> Iterator[Service]:
    with launch(project, output, **environment) as process:
        wait_for_output(process, output, "Application startup complete", int(environment.get("WEB_CONCURRENCY", 1)))
        wait_for_output(process, output, "running on")
        (url,) = re.findall(r"running on (http://\S+)", output.read_text())
        yield Service(process, output, url)


@contextmanager
def migrated(project: Path, output: Path, **always: str) -> Iterator[Start]:
    """Migrate the database. Start services with these variables and those of the call. They end with the block."""
    run(project, "alembic", "upgrade", "head", **always)
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(serve(project, output, **always | environment))


def wait_for_output(process: "subprocess.Popen[bytes]", output: Path, text: str, times: int = 1) -> None:
    deadline = monotonic() + 60
    while output.read_text().count(text) < times:
        assert process.poll() is None, output.read_text()
        assert monotonic() < deadline, output.read_text()
        sleep(0.05)


async def until(condition: Callable[[], Any], seconds: float = SLACK) -> None:
    """Wait until `await condition()` holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
