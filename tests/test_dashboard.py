"""The dashboard asks for the metrics that a service exports, by the names that Prometheus gives them."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from promql_parser import AggregateExpr, Expr, VectorSelector

from scripts import dashboard
from testkit.collector import Metric, Point, collect
from testkit.projects import ROOT, run
from testkit.service import get_many, serve

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
# What Prometheus adds from the resource, and to the buckets of a histogram.
ADDED = {"job", "instance", "le"}


def panels() -> list[dict[str, Any]]:
    return list(json.loads(dashboard.DASHBOARD.read_text())["panels"])


def queries() -> Iterator[Expr]:
    """Those of the dashboard, and of the alarms in the runbook."""
    texts = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    texts += re.findall(r"```promql\n(.+?)```", RUNBOOK, re.DOTALL)
    return (promql_parser.parse(text.replace("$__rate_interval", "5m")) for text in texts)


def asked(query: Expr) -> Iterator[tuple[str, set[str]]]:
    """Each metric of a query, and the labels that the query needs."""
    names: set[str] = set()
    labels: set[str] = set()

    def visit(part: Expr) -> None:
        if isinstance(part, VectorSelector):
            assert part.name
            names.add(part.name)
            labels.update(matcher.name for matcher in part.matchers.matchers)
        elif isinstance(part, AggregateExpr) and part.modifier:
            labels.update(part.modifier.labels)

    promql_parser.walk(query, visit)
    return ((name, labels - ADDED) for name in names)


def prometheus_names(metric: Metric) -> set[str]:
    """https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/"""
    units = {"s": "_seconds"}
    assert metric.unit in units or re.fullmatch(r"\{\w+\}", metric.unit)
    name = metric.name.replace(".", "_") + units.get(metric.unit, "")
    if metric.kind == "histogram":
        return {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    return {f"{name}_total" if metric.monotonic else name}


def labels_of(point: Point) -> set[str]:
    return {name.replace(".", "_") for name in point.attributes}


@pytest.mark.slow
@pytest.mark.asyncio
async def test_queries_name_what_a_service_exports(probed: Path, postgres: str, tmp_path: Path) -> None:
    run(probed, "alembic", "upgrade", "head", DATABASE_URL=postgres)
    settings = {"DATABASE_POOL_SIZE": "2", "DATABASE_POOL_TIMEOUT": "0.1", "DATABASE_STATEMENT_TIMEOUT": "1"}
    with collect() as collector:
        settings |= {"DATABASE_URL": postgres, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        with serve(probed, tmp_path / "output", **settings) as service:
            async with service.client() as client:
                assert await get_many(client, "/sleep/write?seconds=60", 4) == {503: 2, 504: 2}
    exported = {name: metric for metric in collector.metrics for name in prometheus_names(metric)}
    shown = set()
    for name, labels in chain.from_iterable(asked(query) for query in queries()):
        assert any(labels <= labels_of(point) for point in exported[name].points), f"{name} has not all of {labels}"
        shown.add(exported[name].name)
    assert shown == {metric.name for metric in collector.metrics}


def test_the_file_is_what_the_script_builds() -> None:
    assert dashboard.DASHBOARD.read_text() == dashboard.build(), "To write it anew: python -m scripts.dashboard"


def test_panels_and_alarms_lead_to_each_other() -> None:
    _, *parts = re.split(r"^## (.+)\n", RUNBOOK, flags=re.MULTILINE)
    named = {
        (alarm, panel)
        for alarm, section in zip(parts[::2], parts[1::2], strict=True)
        for sentence in re.findall(r"^Panels?: .+$", section, re.MULTILINE)
        for panel in re.findall(r"\*(.+?)\*", sentence)
    }
    assert named == {(link["title"], panel["title"]) for panel in panels() for link in panel.get("links", [])}
    assert {alarm for alarm, _ in named} == set(parts[::2])


def test_every_alarm_is_provoked() -> None:
    tests = (ROOT / "tests" / "faults" / "test_runbook.py").read_text()
    assert [
        alarm for alarm in re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE) if f'alarm = "{alarm}"' not in tests
    ] == []
