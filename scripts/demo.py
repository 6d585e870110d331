"""Render a service with the default answers, start it as its README says, and send it requests: `make demo`.

The service stays in .demo/, or in the folder named on the command line.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import copier

ROOT = Path(__file__).parents[1]
FOLDER = Path(sys.argv[1] if sys.argv[1:] else ROOT / ".demo").absolute()
LOG = FOLDER / ".data" / "demo.log"
WIDTH = 75


class DemoError(Exception):
    """Explains to a person what failed."""


def main() -> None:
    print(f"Rendering a service into {os.path.relpath(FOLDER)}", flush=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", copier.errors.DirtyLocalWarning)  # uncommitted changes are meant to count
        copier.run_copy(str(ROOT), FOLDER, defaults=True, overwrite=True, quiet=True, vcs_ref="HEAD")
    LOG.parent.mkdir(exist_ok=True)
    install()
    print("Starting PostgreSQL and the service with `make run`\n", flush=True)
    with server() as url:
        talk(url)
    print(f"\nIt works. Start the same service again, with these rows: cd {os.path.relpath(FOLDER)} && make run")


def install() -> None:
    """Create the service's environment, with a dot for each second."""
    print("Installing its dependencies ", end="", flush=True)
    with LOG.open("w") as log:
        command = ["make", "--silent", ".venv/ready"]
        process = subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            print(".", end="", flush=True)
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
    print()
    if process.returncode:
        raise DemoError(f"{LOG.read_text()}\nThe service's environment could not be created; see the lines above.")


def talk(url: str) -> None:
    author = ask(url, "Create an author", "POST", "/authors", 201, {"name": "Ursula K. Le Guin"})
    # A new number each time, because the rows of the last demo are still there.
    isbn = f"978{time.time_ns() // 1000 % 10**10:010}"
    book = {"title": "The Dispossessed", "isbn": isbn, "pages": 341, "author_id": author["id"]}
    created = ask(url, "Create a book", "POST", "/books", 201, book)
    if ask(url, "Read it back", "GET", f"/books/{created['id']}", 200) != created:
        raise DemoError("The book that was read is not the one that was created.")
    if [each["isbn"] for each in ask(url, "Read the author", "GET", f"/authors/{author['id']}", 200)["books"]] != [
        isbn
    ]:
        raise DemoError("The author that was read does not have the book.")
    ask(url, "Create it again", "POST", "/books", 409, book)
    ask(url, "For a missing author", "POST", "/books", 409, book | {"isbn": isbn[::-1], "author_id": 2**53})


def ask(url: str, step: str, method: str, path: str, expected: int, body: object = None) -> Any:
    """Send a request, print it and its response in one line, and return the response's content."""
    data = json.dumps(body).encode() if body else None
    request = Request(url + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    try:
        with urlopen(request, timeout=10) as response:  # noqa: S310
            status, text = response.status, response.read().decode()
    except HTTPError as error:
        status, text = error.code, error.read().decode()
    content = json.loads(text)
    shown = f"{content['constraint']}: {content['detail']}" if "constraint" in content else text
    shown = shown if len(shown) <= WIDTH else f"{shown[: WIDTH - 3]}..."
    print(f"{step:<20} {method:<4} {path:<11} {status}  {shown}", flush=True)
    if status != expected:
        raise DemoError(f"{text}\n{method} {path} answered {status} and not {expected}.")
    return content


@contextmanager
def server() -> Iterator[str]:
    """Run `make run`, and yield the URL. All its processes end with the context."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
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
    reason = "ended before it served a request" if process.returncode is not None else "did not serve within a minute"
    raise DemoError(f"{LOG.read_text()}\n`make run` {reason}; see its output above.")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the process and everything that it started, as Ctrl-C does, and wait for their end."""
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
    # Stop what was started on the way out, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except DemoError as error:
        sys.exit(str(error))
