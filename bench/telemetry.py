"""What telemetry costs per read, in rounds in which the variants take turns: `python -m bench.telemetry`.

No variant logs requests, and the service without telemetry is the same service with its lines taken out. All servers
run at once and get load one after the other, so what else happens on the machine hits all variants of a round.
"""

import argparse
import asyncio
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from statistics import quantiles

import copier

from testkit.collector import collect
from testkit.edits import replace
from testkit.projects import ROOT, run
from testkit.rendering import administer, load_devserver

from .__main__ import make_template
from .load import load
from .operations import OPERATIONS, Operation
from .servers import Server, serve

FOLDER = ROOT / ".cache" / "bench-telemetry"
ROWS = (
    "INSERT INTO authors (name) VALUES ('Author')",
    "INSERT INTO books (title, isbn, pages, author_id) VALUES ('Book', '9780060125639', 300, 1)",
)


WITHOUT_LOG = [
    ("src/my_service/main.py", "    app.add_middleware(RequestLogMiddleware)\n", ""),
    ("src/my_service/main.py", "    configure_logging()\n", ""),
]
WITHOUT_TELEMETRY = [
    ("src/my_service/database/engine.py", "observed: bool = True", "observed: bool = False"),
    ("src/my_service/database/engine.py", '"poolclass": ObservedPool', '"poolclass": ObservedPool.__base__'),
]
# The variant that all others are compared with.
BASE = "without"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    template = make_template(FOLDER / "template")
    without_log = render(template, "without-log", WITHOUT_LOG)
    bare = render(template, "bare", WITHOUT_LOG + WITHOUT_TELEMETRY)
    with ExitStack() as stack:
        url = stack.enter_context(load_devserver(bare).serve(FOLDER / "postgres", database="bench"))
        run(bare, "alembic", "upgrade", "head", DATABASE_URL=url)
        asyncio.run(administer(url, *ROWS))
        collector = stack.enter_context(collect())
        exported = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        ratio = exported | {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
        silent = ("--no-access-log",)
        variants: dict[str, tuple[Path, tuple[str, ...], dict[str, str]]] = {
            BASE: (bare, silent, {}),
            "without, once more": (bare, silent, {}),
            "no endpoint": (without_log, silent, {}),
            "sampled 0 %": (without_log, silent, ratio | {"OTEL_TRACES_SAMPLER_ARG": "0"}),
            "sampled 1 %": (without_log, silent, ratio | {"OTEL_TRACES_SAMPLER_ARG": "0.01"}),
            "sampled 100 %": (without_log, silent, exported),
        }
        servers = {
            name: stack.enter_context(serve("service", project, url, *arguments, name=name, **environment))
            for name, (project, arguments, environment) in variants.items()
        }
        show(measure(servers, dict.fromkeys(servers, OPERATIONS["read"]), options.rounds))


def render(template: Path, name: str, edits: list[tuple[str, str, str]]) -> Path:
    project = FOLDER / name
    copier.run_copy(str(template), project, defaults=True, quiet=True)
    for file, old, new in edits:
        replace(project / file, old, new)
    return project


def measure(servers: dict[str, Server], operations: dict[str, Operation], rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU per operation, round by round."""
    figures: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(-1, rounds):  # once to warm up
        for name, server in servers.items():
            cpu = server.cpu()
            result = load(server.url, operations[name], 16, 1, 0)
            if number >= 0:
                figures[name].append((server.cpu() - cpu) / result.requests * 1e6)
    return figures


def show(figures: dict[str, list[float]], base: str = BASE) -> None:
    """Other work on the machine only ever adds to a figure, so the tenth of the rounds with the least says most."""
    least = {name: quantiles(values, n=10)[0] for name, values in figures.items()}
    for name, values in figures.items():
        low, middle, high = quantiles([value / other for value, other in zip(values, figures[base], strict=True)])
        print(
            f"{name:24} {least[name]:5.0f} us, {least[name] / least[base]:.3f} of {base!r};"
            f" in pairs {middle:.2f}, half of them {low:.2f} to {high:.2f}"
        )


if __name__ == "__main__":
    main()
