"""Standbys of a server, by streaming replication."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from .service import Postgres


@contextmanager
def standby(primary: Postgres, name: str, **settings: str) -> Iterator[Postgres]:
    """A standby on a Unix socket, with a replication slot and a cluster_name of this name."""
    programs = primary.programs
    with TemporaryDirectory() as folder:
        data, sockets = Path(folder) / "data", Path(folder) / "sockets"
        for each in (Path(folder), data, sockets):
            each.mkdir(mode=0o700, exist_ok=True)
            programs.give_away(each)
        address = make_url(primary.url).query
        server = ("-h", str(address["host"]), "-p", str(address["port"]), "-U", "postgres")
        slot = ("--create-slot", f"--slot={name}", "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        programs.run("pg_basebackup", *server, *slot, "-D", data)
        settings = {"cluster_name": name, "listen_addresses": "''", "wal_retrieve_retry_interval": "100ms"} | settings
        options = [f"-k {sockets} -p 5432", *(f"-c {each}={value}" for each, value in settings.items())]
        programs.run("pg_ctl", "start", "-D", data, "-l", data / "log", "-o", " ".join(options))
        try:
            yield Postgres(programs, data, f"postgresql://postgres@/shop?host={sockets}&port=5432")
        finally:
            programs.run("pg_ctl", "stop", "-D", data, "-m", "immediate")
            drop = f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{name}'"  # noqa: S608
            with suppress(RuntimeError):  # the primary may have ended before
                programs.run("psql", primary.url, "-c", drop)


def together(*servers: Postgres) -> str:
    """The URL of all of them."""
    addresses = [make_url(each.url).query for each in servers]
    hosts, ports = (",".join(str(each[part]) for each in addresses) for part in ("host", "port"))
    return f"postgresql://postgres@/shop?host={hosts}&port={ports}"
