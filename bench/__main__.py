"""The rendered service beside the limit and beside the pattern of the guides, in one run: `make bench`."""

import argparse
import asyncio
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree

import copier

from testkit.projects import ROOT, commit, copy_working_tree, run
from testkit.rendering import administer, load_devserver

from . import report
from .access_log import measure_access_log
from .operations import FILL
from .round_trips import count_round_trips
from .servers import CONTESTANTS
from .times import measure_copy, measure_starts, measure_stream, measure_suites
from .traffic import fetch, measure_traffic

FOLDER = ROOT / ".cache" / "bench"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1, help="of load for each figure in each round")
    parser.add_argument("--keep", action="store_true", help="write bench/results.json and docs/performance.svg anew")
    options = parser.parse_args()
    rounds = options.rounds
    rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    template, project = make_template(FOLDER / "template"), FOLDER / "project"
    copier.run_copy(str(template), project, defaults=True, quiet=True)
    print("Suites and copier copy ...", flush=True)
    results: report.Results = {
        "suites, s": measure_suites(project, rounds),
        "copier copy, s": measure_copy(template, rounds),
        "access line, us": measure_access_log(project),
    }
    with ExitStack() as stack:
        postgres = load_devserver(project)
        url = stack.enter_context(postgres.serve(FOLDER / "postgres", database="bench"))
        print("Filling a million rows ...", flush=True)
        run(project, "alembic", "upgrade", "head", DATABASE_URL=url)
        asyncio.run(administer(url, *FILL.strip().split(";\n")))
        results |= {
            "round trips": {name: asyncio.run(count_round_trips(name, project, url)) for name in CONTESTANTS},
            "starts": measure_starts(project, url, rounds),
            "stream of 100,000 rows, KiB": measure_stream(project, url),
            **measure_traffic(project, url, rounds, options.seconds),
            "measured on": report.describe_machine(asyncio.run(fetch(url, "SHOW server_version"))),
            "rounds": rounds,
            "seconds of load for each figure": options.seconds,
        }
    report.show(results)
    if options.keep:
        report.keep(results)


def make_template(folder: Path) -> Path:
    """The working tree as a release."""
    folder.mkdir()
    copy_working_tree(folder)
    commit(folder, "The working tree")
    run(folder, "git", "tag", "9999.0.0")
    return folder


if __name__ == "__main__":
    main()
