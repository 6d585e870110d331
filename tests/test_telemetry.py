"""What a service exports to a collector of OpenTelemetry, and that a collector which fails harms nobody."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from scripts import waterfall
from scripts.diagram import THEMES
from testkit.collector import Collector, Point, Span, collect, dead_collector, silent_collector
from testkit.service import SLACK, Service, Start, migrated, until

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

SECRET = "s3cret"  # noqa: S105
POOL = "db.client.connection"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"

METRICS = {
    "http.server.request.duration": ("s", "histogram", None),
    "http.server.active_requests": ("{request}", "sum", False),
    "db.client.operation.duration": ("s", "histogram", None),
    "db.client.connection.count": ("{connection}", "sum", False),
    "db.client.connection.max": ("{connection}", "sum", False),
    "db.client.connection.pending_requests": ("{request}", "sum", False),
    "db.client.connection.timeouts": ("{timeout}", "sum", True),
    "db.client.connection.wait_time": ("s", "histogram", None),
}


@pytest.fixture
def start(probed: Path, postgres: str, tmp_path: Path) -> Iterator[Start]:
    """Start the service with these variables. It ends with the test."""
    always = {"DATABASE_URL": postgres, "OTEL_METRIC_EXPORT_INTERVAL": "100"}
    with migrated(probed, tmp_path / "output", **always) as start:
        yield start


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collect() as collector:
        yield collector


def stop(service: Service) -> float:
    """Seconds from SIGTERM to the end of the process."""
    started = monotonic()
    service.process.send_signal(signal.SIGTERM)
    service.process.wait(30)
    return monotonic() - started


def named(collector: Collector, name: str) -> list[Span]:
    return [span for span in collector.spans if span.name == name]


def points(collector: Collector, name: str, **attributes: Any) -> list[Point]:
    """The values of a metric in the order of their export."""
    return [
        point
        for metric in list(collector.metrics)
        for point in metric.points
        if metric.name == name and attributes.items() <= point.attributes.items()
    ]


async def test_the_spans_of_a_request(start: Start, collector: Collector) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
    async with service.client() as client:
        author = (await client.post("/authors", json={"name": SECRET})).json()
        await client.get(f"/authors/{author['id']}")  # what the first one of its kind takes longer for
        traced = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
        await client.get(f"/authors/{author['id']}", headers=traced)
    stop(service)
    assert collector.unknown == []
    (request,) = [span for span in named(collector, "GET /authors/{author_id}") if span.trace_id == TRACE_ID]
    assert (request.kind, request.trace_id, request.parent_id) == ("SERVER", TRACE_ID, PARENT_ID)
    assert request.attributes["http.route"] == "/authors/{author_id}"
    assert request.attributes["http.response.status_code"] == 200
    statements = [span for span in collector.spans if span.trace_id == TRACE_ID and span is not request]
    assert [span.name for span in statements] == ["SELECT authors", "SELECT books"]
    for span in statements:
        assert (span.kind, span.parent_id, span.failed) == ("CLIENT", request.span_id, False)
        assert request.start <= span.start <= span.end <= request.end
        assert span.attributes["db.system.name"] == "postgresql"
        assert span.attributes["db.namespace"].endswith("_test")
        assert span.attributes["server.address"]
        assert span.attributes["db.query.summary"] == span.name
        assert "WHERE" in span.attributes["db.query.text"]
        assert span.resource["service.name"] == "my_service"
    assert SECRET not in repr(collector)
    trace = [summarize(span, request) for span in [request, *statements]]
    if "RECORD" in os.environ:
        waterfall.TRACE.write_text(json.dumps(trace, indent=1) + "\n")
        waterfall.write()
    recorded = json.loads(waterfall.TRACE.read_text())
    assert [(span["depth"], span["name"]) for span in recorded] == [(span["depth"], span["name"]) for span in trace]
    for theme in THEMES:
        assert (waterfall.DOCS / f"trace-{theme}.svg").read_text() == waterfall.draw(theme)


def summarize(span: Span, request: Span) -> dict[str, Any]:
    """A span as docs/trace.json has it, in milliseconds since the start of the request."""
    return {
        "name": span.name,
        "depth": 0 if span is request else 1,
        "start": round((span.start - request.start) / 1e6, 3),
        "duration": round((span.end - span.start) / 1e6, 3),
    }


async def test_errors_are_identified_by_their_code(start: Start, collector: Collector) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, DATABASE_STATEMENT_TIMEOUT="1")
    async with service.client() as client:
        author = (await client.post("/authors", json={"name": "Ann"})).json()
        book = {"title": SECRET, "isbn": "9780060125639", "pages": 341, "author_id": author["id"]}
        statuses = [(await client.post("/books", json=book)).status_code for _ in range(2)]
        paths = ("/sleep/read?seconds=60", "/limit/asyncio/read_scope", "/literal", "/bug")
        statuses += [(await client.get(path)).status_code for path in paths]
    stop(service)
    assert statuses == [201, 409, 504, 200, 200, 500]
    failed = [(span.name, span.attributes["error.type"]) for span in collector.spans if span.failed]
    assert sorted(failed) == [
        ("GET /bug", "500"),  # its type is in the log, in a line with this trace
        ("GET /sleep/read", "504"),
        ("INSERT books", "23505"),
        ("SELECT", "57014"),
        ("SELECT", "asyncio.exceptions.CancelledError"),
    ]
    durations = points(collector, "db.client.operation.duration", **{"error.type": "23505"})
    assert durations[-1].attributes["db.response.status_code"] == "23505"
    assert durations[-1].value == 1
    (literal,) = named(collector, "SELECT books")
    assert literal.attributes["db.query.text"] == "SELECT title FROM books WHERE title = ? AND pages = ?"
    # No message, no stack, no value, wherever it came from.
    assert [span for span in collector.spans if span.events or span.message] == []
    assert SECRET not in repr(collector)


async def test_the_metrics_of_two_workers(start: Start, collector: Collector) -> None:
    service = start(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
        OTEL_SERVICE_NAME="shop",
        WEB_CONCURRENCY="2",
        DATABASE_POOL_SIZE="2",
        DATABASE_POOL_TIMEOUT="0.5",
    )
    async with service.client() as client:
        requests = [asyncio.create_task(client.get("/sleep/write?seconds=1.5")) for _ in range(12)]
        await until(lambda: seen(collector, f"{POOL}.pending_requests", 1))
        await until(lambda: seen(collector, f"{POOL}.count", 2, state="used"))
        answers = [(await request).status_code for request in requests]
        await until(lambda: seen(collector, f"{POOL}.count", 2, state="idle"))
        for path in ("/livez", "/readyz"):
            assert (await client.get(path)).status_code == 200
    stop(service)
    described = {metric.name: (metric.unit, metric.kind, metric.monotonic) for metric in collector.metrics}
    assert described == METRICS
    resources = [each.resource for metric in collector.metrics for each in metric.points]
    assert {resource["service.name"] for resource in resources} == {"shop"}
    instances = {resource["service.instance.id"] for resource in resources}
    assert len(instances) == 2
    assert {point.value for point in points(collector, f"{POOL}.max")} == {2}
    (pool,) = {point.attributes["db.client.connection.pool.name"] for point in points(collector, f"{POOL}.max")}
    assert pool.endswith("_test")
    last = {instance: total(collector, f"{POOL}.timeouts", instance) for instance in instances}
    assert sum(last.values()) == answers.count(503) > 0
    first = {p.resource["service.instance.id"]: p.value for p in reversed(points(collector, f"{POOL}.timeouts"))}
    assert set(first.values()) == {0}
    # Each worker took three connections when it started.
    waits = sum(total(collector, f"{POOL}.wait_time", instance) for instance in instances)
    assert waits == answers.count(200) + 2 * 3
    # Probes are in no span and no metric, nor is their statement. SQLAlchemy sends SHOW when it connects first, and the
    # start reads the privileges of the role.
    assert {span.name for span in collector.spans} == {"GET /sleep/write", "SELECT", "SELECT pg_class", "SHOW"}
    routes = {point.attributes["http.route"] for point in points(collector, "http.server.request.duration")}
    assert routes == {"/sleep/write"}


async def seen(collector: Collector, metric: str, value: int, state: str | None = None) -> bool:
    attributes = {"db.client.connection.state": state} if state else {}
    return any(point.value >= value for point in points(collector, metric, **attributes))


def total(collector: Collector, metric: str, instance: str) -> float:
    """The newest value of one worker. Counters and histograms are cumulative."""
    values = [p.value for p in points(collector, metric) if p.resource["service.instance.id"] == instance]
    return values[-1] if values else 0


async def test_a_request_that_is_not_sampled_has_no_spans(start: Start, collector: Collector) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_TRACES_SAMPLER="parentbased_always_off")
    async with service.client() as client:
        await client.get("/authors")
        sampled = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
        await client.get("/books", headers=sampled)
    stop(service)
    assert {span.name for span in collector.spans} == {"GET /books", "SELECT books"}
    assert points(collector, "db.client.operation.duration", **{"db.query.summary": "SELECT authors"})


@pytest.mark.parametrize(
    ("variable", "value", "signals"),
    [
        ("OTEL_SDK_DISABLED", "true", set()),
        ("OTEL_TRACES_EXPORTER", "none", {"metrics"}),
        ("OTEL_METRICS_EXPORTER", "none", {"traces"}),
    ],
)
async def test_standard_variables_choose(
    start: Start, collector: Collector, variable: str, value: str, signals: set[str]
) -> None:
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, **{variable: value})
    async with service.client() as client:
        await client.get("/authors")
    stop(service)
    exported = {"traces": collector.spans, "metrics": collector.metrics}
    assert {signal for signal, items in exported.items() if items} == signals


@pytest.mark.parametrize("kind", [dead_collector, silent_collector])
async def test_a_collector_that_fails_delays_nothing(start: Start, kind: Any) -> None:
    with kind() as endpoint:
        # Spans are exported all the time, and more are left when the service stops.
        service = start(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="100", WEB_CONCURRENCY="2")
        async with service.client() as client:
            slowest = 0.0
            for _ in range(60):
                started = monotonic()
                answers = await asyncio.gather(*(client.get("/authors") for _ in range(10)))
                assert {answer.status_code for answer in answers} == {200}
                slowest = max(slowest, monotonic() - started)
        # One that waited for an export would take the 10 seconds of OTEL_EXPORTER_OTLP_TIMEOUT.
        assert slowest < SLACK
        assert stop(service) < 10


async def test_an_endpoint_without_the_exporter(
    start: Start, probed: Path, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['opentelemetry.exporter.otlp'] = None\n")
    path = f"{tmp_path}:{probed / 'src'}"
    service = start(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, PYTHONPATH=path)
    async with service.client() as client:
        assert (await client.get("/authors")).status_code == 200
    assert "uv sync --extra telemetry" in service.output.read_text()
