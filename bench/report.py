"""The figures, for people: a table, what changed, a plot."""

import json
import os
import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results.json"
PLOT = ROOT / "docs" / "performance.svg"
PACKAGES = ("fastapi", "starlette", "uvicorn", "pydantic", "sqlalchemy", "asyncpg", "copier")
NAMES = {"limit": "limit", "guides": "guides", "service": "rendered service"}
# Smaller ones come and go with the machine.
CHANGE = 0.1

Results = dict[str, Any]


def describe_machine(postgres: str) -> dict[str, str]:
    """`postgres` is the server's version."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model[1] if model else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": postgres,
        **{package: version(package) for package in PACKAGES},
    }


def show(results: Results) -> None:
    print(f"\n{tables(results)}\n{changes(results)}")


def keep(results: Results) -> None:
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    plot(results)


def tables(results: Results) -> str:
    """Markdown."""
    machine = ", ".join(f"{name} {value}" for name, value in results["measured on"].items())
    headings = {
        "round trips": results["round trips"],
        "CPU, us": figures(results, "cpu us"),
        "requests per second": figures(results, "requests per second"),
        "p50, us": figures(results, "p50 us"),
        "p95, us": figures(results, "p95 us"),
        "p99, us": figures(results, "p99 us"),
    }
    parts = [f"Measured on: {machine}.\n", table(("figure", "target", "reached"), targets(results))]
    clients = {"round trips": ""} | dict.fromkeys([*headings][1:], ", with 1, 16 and 64 clients")
    for name, figure in headings.items():
        rows = [(operation, *(figure[each][operation] for each in NAMES)) for operation in results["operations"]]
        parts.append(f"## {name[0].upper()}{name[1:]}{clients[name]}\n\n" + table(("", *NAMES.values()), rows))
    whole = [(key, *(str(results["starts"][each][key]) for each in NAMES)) for key in results["starts"]["service"]] + [
        ("resident MiB after the load", *(str(results["resident MiB"][each]) for each in NAMES))
    ]
    parts.append("## Process\n\n" + table(("", *NAMES.values()), whole))
    return "\n".join(parts)


def figures(results: Results, name: str) -> dict[str, dict[str, str]]:
    """By contestant and operation: the figure with 1, 16 and 64 clients."""
    return {
        contestant: {
            operation: " / ".join(f"{each[contestant][f'{name} at {clients}']:.0f}" for clients in (1, 16, 64))
            for operation, each in results["operations"].items()
        }
        for contestant in NAMES
    }


def targets(results: Results) -> Iterator[tuple[str, str, str]]:
    def trips(*operations: str) -> str:
        return ", ".join(str(results["round trips"]["service"][operation]) for operation in operations)

    def ratio(operation: str, figure: str, other: str) -> str:
        each = results["operations"][operation]
        return f"{each['service'][figure] / each[other][figure]:.2f}"

    sessions = [
        each["service"][f"sessions per request at {clients}"]
        for each in results["operations"].values()
        for clients in (16, 64)
    ]
    first, last = results["keyset"].values()
    this, plain = results["copier copy, s"].values()
    rates = "requests per second at 16"
    yield (
        "round trips: read by key, page of 20, page with related rows",
        "1, 1, 2",
        trips(*[*results["operations"]][:3]),
    )
    yield "round trips: create, patch, delete", "3, 4, 4", trips("create", "patch", "delete")
    yield "CPU per read by key, against the guides", "0.72", ratio("read", "cpu us at 16", "guides")
    yield "CPU per create, against the guides", "0.62", ratio("create", "cpu us at 16", "guides")
    yield "CPU per read by key, against the limit", "5.5", ratio("read", "cpu us at 16", "limit")
    yield (
        "requests per second against the guides, 16 clients: read, page, create",
        "1.4, 1.2, 1.6",
        ", ".join(ratio(operation, rates, "guides") for operation in ("read", "page", "create")),
    )
    yield (
        "CPU of the access line, us: uvicorn's, the service's as text, as JSON",
        "no more than uvicorn's",
        ", ".join(f"{value:.1f}" for value in results["access line, us"].values()),
    )
    yield "new sessions per request, 16 and 64 clients", "0", f"{max(sessions):g}"
    yield "keyset page at row 1,000,000 against the first", "1.2", f"{last / first:.2f}"
    yield "memory while 100,000 rows are streamed, KiB at most: in the first tenth, in all", "flat", stream(results)
    yield "copier copy, against as many plain files", "1.15", f"{this / plain:.2f}"
    yield "rendered suite, seconds: SQLite, PostgreSQL with its start", "3, 6", suites(results)


def stream(results: Results) -> str:
    return ", ".join(map(str, results["stream of 100,000 rows, KiB"].values()))


def suites(results: Results) -> str:
    return ", ".join(map(str, results["suites, s"].values()))


def table(heading: tuple[str, ...], rows: Any) -> str:
    return (
        "\n".join("| " + " | ".join(row) + " |" for row in ([heading, ("---",) * len(heading), *map(strings, rows)]))
        + "\n"
    )


def strings(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, row))


def changes(results: Results) -> str:
    """What differs from the committed results by more than a tenth, but for the slowest requests: they always do."""
    if not RESULTS.exists():
        return "There are no committed results to compare with.\n"
    before, now = dict(flat(json.loads(RESULTS.read_text()))), dict(flat(results))
    lines = [
        f"{name}: {before[name]:g} -> {value:g}"
        for name, value in now.items()
        if name in before and not re.search("p95|p99", name) and abs(value - before[name]) > CHANGE * abs(before[name])
    ]
    return "Changed by more than a tenth since the committed results:\n" + ("\n".join(lines) or "nothing") + "\n"


def flat(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from flat(each, f"{name} {key}".strip())
    elif isinstance(value, int | float):
        yield name, value


def plot(results: Results) -> None:
    from matplotlib import pyplot  # not among the constraints: see `make bench`

    pyplot.rcParams["svg.hashsalt"] = "bench"  # the same figures give the same file
    operations = [*results["operations"]]
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for axis, key, title in (
        (axes[0], "cpu us at 16", "CPU per request, us"),
        (axes[1], "requests per second at 16", "Requests per second"),
    ):
        for number, (contestant, label) in enumerate(NAMES.items()):
            values = [results["operations"][operation][contestant][key] for operation in operations]
            axis.barh([place + 0.27 * (number - 1) for place in range(len(operations))], values, 0.27, label=label)
        axis.set_yticks(range(len(operations)), operations)
        axis.invert_yaxis()
        axis.set_title(f"{title}, 16 clients, one worker")
    axes[0].legend()
    figure.savefig(PLOT, metadata={"Date": None})
