"""What PgBouncer costs per read, with and without prepared statements: `python -m bench.pooler`.

All servers run at once and get load one after the other, so what else happens on the machine hits all variants of a
round. It needs PgBouncer 1.24 or newer on the PATH.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from statistics import quantiles

import copier

from testkit.pooler import keeps_prepared_statements, pgbouncer
from testkit.projects import ROOT, run
from testkit.rendering import administer, load_devserver

from .__main__ import make_template
from .load import load
from .operations import OPERATIONS
from .servers import Server, serve
from .telemetry import ROWS

FOLDER = ROOT / ".cache" / "bench-pooler"
VARIANTS = {"direct": "none", "transaction": "transaction", "pgbouncer": "pgbouncer"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pooler", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    if not keeps_prepared_statements():
        raise SystemExit("There is no PgBouncer 1.24 or newer on the PATH.")
    rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    project = FOLDER / "project"
    copier.run_copy(str(make_template(FOLDER / "template")), project, defaults=True, quiet=True)
    programs = load_devserver(project)
    with ExitStack() as stack:
        url = stack.enter_context(programs.serve(FOLDER / "postgres", database="bench"))
        run(project, "alembic", "upgrade", "head", DATABASE_URL=url)
        asyncio.run(administer(url, *ROWS))
        behind = stack.enter_context(pgbouncer(url, programs, default_pool_size="10"))
        servers = {
            name: stack.enter_context(
                serve("service", project, url if pooler == "none" else behind, name=name, DATABASE_POOLER=pooler)
            )
            for name, pooler in VARIANTS.items()
        }
        postmaster = int((FOLDER / "postgres" / "postmaster.pid").read_text().split()[0])
        for name, values in measure(servers, postmaster, options.rounds).items():
            service, postgres = (quantiles(each, n=10)[0] for each in zip(*values, strict=True))
            print(f"{name:12} service {service:4.0f} us, PostgreSQL {postgres:4.0f} us per read")


def measure(servers: dict[str, Server], postmaster: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Microseconds of CPU per read, of the service and of PostgreSQL, round by round."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for number in range(-1, rounds):  # once to warm up
        for name, server in servers.items():
            service, postgres = server.cpu(), sum(cpu_of_backends(postmaster))
            result = load(server.url, OPERATIONS["read"], 16, 1, 0)
            spent = server.cpu() - service, sum(cpu_of_backends(postmaster)) - postgres
            if number >= 0:
                figures[name].append((spent[0] / result.requests * 1e6, spent[1] / result.requests * 1e6))
    return figures


def cpu_of_backends(postmaster: int) -> Iterator[float]:
    """Seconds of CPU of each process of the server."""
    for process in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        yield int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


if __name__ == "__main__":
    main()
