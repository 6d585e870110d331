"""A contestant as a process of its own, and what it uses."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from testkit.projects import clean_environment

CONTESTANTS = {
    "limit": "bench.limit",
    "guides": "bench.guides",
    "service": "my_service.main",
}
LOG = ("--log-config", "src/my_service/logging.json")


@dataclass
class Server:
    process: "subprocess.Popen[bytes]"
    url: str
    first_answer: float
    """Seconds from the start of the process to the first 200 of /readyz."""

    def cpu(self) -> float:
        """Seconds of CPU so far, of all threads."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def memory(self) -> float:
        """Resident MiB."""
        (kibibytes,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(kibibytes) / 1024


def environment(project: Path, url: str) -> dict[str, str]:
    path = os.pathsep.join(map(str, (project / "src", Path(__file__).parents[1])))
    # With the compiled modules that an installed service has.
    own = {name: value for name, value in clean_environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | {"PYTHONPATH": path, "DATABASE_URL": url}


@contextmanager
def serve(
    contestant: str, project: Path, url: str, *more: str, name: str | None = None, **variables: str
) -> Iterator[Server]:
    """Start one process by the command `uvicorn`. The service logs as in production, the others as uvicorn does."""
    arguments = more or (LOG if contestant == "service" else ())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (project / f"{name or contestant}.log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["uvicorn", f"{CONTESTANTS[contestant]}:create_app", "--factory", *arguments, "--port", str(port)],
            cwd=project,
            env=environment(project, url) | variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_ready(address, process)
        yield Server(process, address, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{address}/readyz", timeout=5).close()  # noqa: S310
        except (URLError, OSError):
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not start: see the .log files in .cache/bench/project")


def import_seconds(contestant: str, project: Path, url: str) -> float:
    """What the module of the application takes to import, Python's own start left out."""
    module = CONTESTANTS[contestant]
    code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment(project, url), capture_output=True, text=True, check=True
    )
    return float(process.stdout)
