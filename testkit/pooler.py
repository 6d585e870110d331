"""PgBouncer in front of a database."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from sqlalchemy import make_url

from .requirements import missing


def find_pgbouncer() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


def keeps_prepared_statements() -> bool:
    """Whether this machine's PgBouncer does so by default, as versions from 1.24 do."""
    command = [find_pgbouncer() or "true", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [*map(int, re.findall(r"\d+", output)[:2])] >= [1, 24]


@contextmanager
def pgbouncer(postgres: str, programs: Any, **settings: str) -> Iterator[str]:
    """The URL of PgBouncer in transaction mode, with two connections to this database."""
    program = find_pgbouncer()
    if program is None:
        missing("There is no pgbouncer here. On Debian: apt-get install pgbouncer")
    url = make_url(postgres)
    server = {
        "host": url.query.get("host") or url.host,
        "port": url.query.get("port") or url.port or 5432,
        "dbname": url.database,
        "user": url.username,
        "password": url.password,
    }
    with TemporaryDirectory() as folder:
        programs.give_away(Path(folder))
        configuration = {
            "unix_socket_dir": folder,
            "listen_port": "6432",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": "2",
            **settings,
        }
        lines = ["[databases]", "* = " + " ".join(f"{name}='{value}'" for name, value in server.items() if value)]
        lines += ["[pgbouncer]", *(f"{name} = {value}" for name, value in configuration.items())]
        file = Path(folder) / "pgbouncer.ini"
        file.write_text("\n".join(lines))
        with (Path(folder) / "log").open("w") as log:
            account = programs.ACCOUNT  # PgBouncer refuses to run as root, as PostgreSQL does
            process = subprocess.Popen(
                [program, file],
                stdout=log,
                stderr=log,
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=account and [],
            )
        try:
            deadline = monotonic() + 30
            while not (Path(folder) / ".s.PGSQL.6432").exists():
                assert process.poll() is None, (Path(folder) / "log").read_text()
                assert monotonic() < deadline, (Path(folder) / "log").read_text()
                sleep(0.05)
            yield f"postgresql://anybody@/{url.database}?host={quote(folder)}&port=6432"
        finally:
            process.kill()
            process.wait()
