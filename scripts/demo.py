"""Render a service with the default answers, start it as its README says, and talk to it: `make demo`.

The service stays in .demo/, or in the folder that is named.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import copier

ROOT = Path(__file__).parents[1]
FOLDER = Path(sys.argv[1] if sys.argv[1:] else ROOT / ".demo").absolute()
LOG = FOLDER / ".data" / "demo.log"


class DemoError(Exception):
    """What failed, for a person to read."""


def main() -> None:
    print(f"Rendering a service into {os.path.relpath(FOLDER)} ...", flush=True)
    copier.run_copy(str(ROOT), FOLDER, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD")
    # Its own step, with its output to be seen: the only one that can take long.
    if subprocess.run(["make", "--silent", ".venv/ready"], cwd=FOLDER).returncode:
        raise DemoError("The service's environment could not be made; the lines above say why.")
    print("Starting it with `make run` ...", flush=True)
    with server() as url:
        talk(url)
    print(f"\nIt works. Start the same service again, with these rows: cd {os.path.relpath(FOLDER)} && make run")


def talk(url: str) -> None:
    author = ask(url, "POST", "/authors", 201, {"name": "Ursula K. Le Guin"})
    # A new number each time: the rows of the last demo are still there.
    isbn = f"978{time.time_ns() // 1000 % 10**10:010}"
    book = {"title": "The Dispossessed", "isbn": isbn, "pages": 341, "author_id": author["id"]}
    created = ask(url, "POST", "/books", 201, book)
    if ask(url, "GET", f"/books/{created['id']}", 200) != created:
        raise DemoError("The book that was read is not the one that was written.")
    if [each["isbn"] for each in ask(url, "GET", f"/authors/{author['id']}", 200)["books"]] != [isbn]:
        raise DemoError("The author that was read is without the book.")


def ask(url: str, method: str, path: str, expected: int, body: object = None) -> Any:
    """Send a request, print it with its answer, and return what the answer holds."""
    print(f"\n{method} {path} {json.dumps(body) if body else ''}".rstrip())
    data = json.dumps(body).encode() if body else None
    request = Request(url + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    try:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            status, text = response.status, response.read().decode()
    except HTTPError as error:
        status, text = error.code, error.read().decode()
    print(f"{status} {text}", flush=True)
    if status != expected:
        raise DemoError(f"{method} {path} answered {status} and not {expected}.")
    return json.loads(text)


@contextmanager
def server() -> Iterator[str]:
    """The service's URL, while `make run` serves it. All its processes end with it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{url}/readyz", timeout=5).close()  # noqa: S310
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    reason = "ended before it served" if process.returncode is not None else "did not serve within a minute"
    raise DemoError(f"{LOG.read_text()}\n`make run` {reason}; the lines above are its output.")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C for the process and all that it started, and see that they are gone."""
    deadline = time.monotonic() + 30
    try:
        os.killpg(process.pid, signal.SIGINT)
        while time.monotonic() < deadline:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    raise DemoError(f"The service did not end within 30 s of Ctrl-C; its output is in {LOG}.")


if __name__ == "__main__":
    # As Ctrl-C does: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except DemoError as error:
        sys.exit(str(error))
