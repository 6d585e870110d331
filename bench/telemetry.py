"""What telemetry and logs cost per read, in pairs that alternate: `python -m bench.telemetry REVISION`.

REVISION is a commit without them. All servers run at once and get load one after the other, so what else happens on
the machine hits both sides of a pair.
"""

import argparse
import asyncio
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from statistics import median, quantiles

import copier

from testkit.collector import collect
from testkit.projects import ROOT, commit, run
from testkit.releases import export
from testkit.rendering import administer, load_devserver

from .__main__ import make_template
from .load import load
from .operations import OPERATIONS
from .servers import Server, serve

FOLDER = ROOT / ".cache" / "bench-telemetry"
ROWS = (
    "INSERT INTO authors (name) VALUES ('Author')",
    "INSERT INTO books (title, isbn, pages, author_id) VALUES ('Book', '9780060125639', 300, 1)",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("revision")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rmtree(FOLDER, ignore_errors=True)
    projects = {"before": render(options.revision), "now": render(None)}
    with ExitStack() as stack:
        url = stack.enter_context(load_devserver(projects["now"]).serve(FOLDER / "postgres", database="bench"))
        run(projects["now"], "alembic", "upgrade", "head", DATABASE_URL=url)
        asyncio.run(administer(url, *ROWS))
        collector = stack.enter_context(collect())
        exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "LOG_LEVEL": "WARNING"}
        ratio = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
        variants: dict[str, tuple[str, list[str], dict[str, str]]] = {
            "before": ("before", ["--no-access-log"], {}),
            "before, once more": ("before", ["--no-access-log"], {}),
            "no endpoint": ("now", [], {"LOG_LEVEL": "WARNING"}),
            "sampled 0 %": ("now", [], {**exported, **ratio, "OTEL_TRACES_SAMPLER_ARG": "0"}),
            "sampled 1 %": ("now", [], {**exported, **ratio, "OTEL_TRACES_SAMPLER_ARG": "0.01"}),
            "sampled 100 %": ("now", [], exported),
            "before, with uvicorn's access line": ("before", [], {}),
            "no endpoint, with our line as text": ("now", [], {}),
            "no endpoint, with our line as JSON": ("now", [], {"LOG_FORMAT": "json"}),
        }
        servers = {
            name: stack.enter_context(serve("service", projects[project], url, *arguments, name=name, **environment))
            for name, (project, arguments, environment) in variants.items()
        }
        show(measure(servers, options.rounds))


def render(revision: str | None) -> Path:
    folder = FOLDER / (revision or "working-tree")
    folder.mkdir(parents=True)
    template = folder / "template"
    if revision is None:
        make_template(template)
    else:
        template.mkdir()
        export(revision, template)
        commit(template, revision)
        run(template, "git", "tag", "9999.0.0")
    copier.run_copy(str(template), folder / "project", defaults=True, quiet=True)
    return folder / "project"


def measure(servers: dict[str, Server], rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU per read, round by round."""
    figures: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(-1, rounds):  # once to warm up
        for name, server in servers.items():
            cpu = server.cpu()
            result = load(server.url, OPERATIONS["read"], 16, 1, 0)
            if number >= 0:
                figures[name].append((server.cpu() - cpu) / result.requests * 1e6)
    return figures


def show(figures: dict[str, list[float]]) -> None:
    for name, values in figures.items():
        ratios = [value / base for value, base in zip(values, figures["before"], strict=True)]
        low, _, high = quantiles(ratios)
        print(f"{name:36} {median(values):6.0f} us   {median(ratios):.3f}, half of the pairs {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
