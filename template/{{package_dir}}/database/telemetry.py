"""Database spans and metrics under OpenTelemetry's conventions, and a log line for each slow statement.

Spans and metrics go to the providers that the program sets up before its first statement. Without a provider, or
without opentelemetry-api, only the log line remains. https://opentelemetry.io/docs/specs/semconv/db/
"""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from time import perf_counter
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from .connection_quota import QuotaPool
from .sqltext import describe_statement
from .url import hosts_of

try:
    from opentelemetry import metrics, trace
except ImportError:
    available = False
else:
    available = True

logger = logging.getLogger(__name__)
Attributes = dict[str, Any]
API = ("opentelemetry.trace", "opentelemetry.metrics")


class ObservedPool(QuotaPool):
    """A pool that knows how many requests wait for a connection, and measures how long they wait."""

    attributes: Attributes = {}
    pending = 0

    def connect(self) -> PoolProxiedConnection:
        if not self.attributes:
            return super().connect()
        started = perf_counter()
        self.pending += 1
        try:
            connection = super().connect()
        except PoolTimeoutError:
            timeouts.add(1, self.attributes)
            raise
        finally:
            self.pending -= 1
        wait_time.record(perf_counter() - started, self.attributes)
        return connection

    def observe(self, attributes: Attributes) -> None:
        self.attributes = attributes
        timeouts.add(0, attributes)  # so that an alert sees the first one as an increase
        observed_pools.add(self)

    def recreate(self) -> Any:
        pool: Any = super().recreate()
        if self.attributes:
            pool.observe(self.attributes)
        return pool


observed_pools: WeakSet[ObservedPool] = WeakSet()


def observe_engine(engine: AsyncEngine, slow_statement: float) -> None:
    """Measure the engine's statements and pool. Log statements that take `slow_statement` seconds, unless it is 0."""
    server = describe_server(engine.url)
    exporting = cache(is_exporting)  # once per engine, because it takes 4 us when there is no provider
    if available and isinstance(engine.pool, ObservedPool):
        places = ",".join(f"{host}:{port or 5432}" for host, port in hosts_of(engine.url))
        engine.pool.observe({"db.client.connection.pool.name": f"{places}/{engine.url.database}"})

    def observed(execute: Callable[..., None], is_batch: bool = False) -> Callable[..., bool]:
        def run(cursor: Any, statement: str, *more: Any) -> bool:
            attributes = span = None
            if exporting():
                summary, text = describe_statement(statement)
                attributes = {**server, "db.query.summary": f"BATCH {summary}" if is_batch else summary}
                span = start_span(attributes, text, len(more[0]) if is_batch else 1)
            started = perf_counter()
            try:
                execute(cursor, statement, *more)
            except BaseException as error:
                if attributes is not None:
                    attributes.update(describe_error(error))
                raise
            finally:
                seconds = perf_counter() - started
                if attributes is not None:
                    duration.record(seconds, attributes)
                if attributes is not None and span is not None:
                    end_span(span, attributes)
                if 0 < slow_statement <= seconds:
                    text = describe_statement(statement).text
                    logger.warning("Slow statement, %.3f s: %s", seconds, text, extra={"duration": seconds})
            return True

        return run

    # Events of the dialect, because before_cursor_execute and after_cursor_execute would make SQLAlchemy dispatch all
    # events of a connection, which costs a read a quarter more function calls.
    dialect = engine.sync_engine.dialect
    event.listen(engine.sync_engine, "do_execute", observed(dialect.do_execute))
    event.listen(engine.sync_engine, "do_execute_no_params", observed(dialect.do_execute_no_params))
    event.listen(engine.sync_engine, "do_executemany", observed(dialect.do_executemany, is_batch=True))


def is_exporting() -> bool:
    """Whether the program has set up a provider. Those of opentelemetry-api do nothing."""
    if not available:
        return False
    providers = trace.get_tracer_provider(), metrics.get_meter_provider()
    return any(not type(provider).__module__.startswith(API) for provider in providers)


def describe_server(url: URL) -> Attributes:
    attributes: Attributes = {"db.system.name": "postgresql", "db.namespace": url.database}
    (host, port), *others = hosts_of(url)
    if others:
        attributes["server.address"] = ",".join(f"{host}:{port or 5432}" for host, port in hosts_of(url))
    elif host:
        attributes |= {"server.address": host, "server.port": int(port or 5432)}
    return attributes


def describe_error(error: BaseException) -> Attributes:
    """Describe an error by its SQLSTATE or type, not by its message, which may contain values."""
    if sqlstate := getattr(error, "sqlstate", None):
        return {"error.type": sqlstate, "db.response.status_code": sqlstate}
    return {"error.type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")}


def start_span(attributes: Attributes, text: str, batch_size: int) -> "trace.Span | None":
    parent = trace.get_current_span()
    if parent.get_span_context().is_valid and not parent.is_recording():
        return None  # the request is not sampled
    attributes = {**attributes, "db.query.text": text}
    if batch_size > 1:
        attributes["db.operation.batch.size"] = batch_size
    return tracer.start_span(attributes["db.query.summary"], kind=trace.SpanKind.CLIENT, attributes=attributes)


def end_span(span: "trace.Span", attributes: Attributes) -> None:
    if "error.type" in attributes:
        span.set_attributes(attributes)
        span.set_status(trace.StatusCode.ERROR)
    span.end()


def observe_connections(_: object) -> Iterator["metrics.Observation"]:
    for pool in list(observed_pools):
        for state, count in (("used", pool.checkedout()), ("idle", pool.checkedin())):
            yield metrics.Observation(count, {**pool.attributes, "db.client.connection.state": state})


def observe_maximum(_: object) -> Iterator["metrics.Observation"]:
    return (metrics.Observation(pool.size(), pool.attributes) for pool in list(observed_pools))


def observe_pending(_: object) -> Iterator["metrics.Observation"]:
    return (metrics.Observation(pool.pending, pool.attributes) for pool in list(observed_pools))


if available:
    tracer = trace.get_tracer(__name__)
    meter = metrics.get_meter(__name__)
    buckets = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    duration = meter.create_histogram(
        "db.client.operation.duration", "s", "Duration of statements.", explicit_bucket_boundaries_advisory=buckets
    )
    pool = "db.client.connection"
    wait_time = meter.create_histogram(
        f"{pool}.wait_time", "s", "Time to get a connection.", explicit_bucket_boundaries_advisory=buckets
    )
    timeouts = meter.create_counter(f"{pool}.timeouts", "{timeout}", "Requests that got no connection in time.")
    for name, callback, unit, description in (
        ("count", observe_connections, "{connection}", "Open connections, by state."),
        ("max", observe_maximum, "{connection}", "The most connections that the pool opens."),
        ("pending_requests", observe_pending, "{request}", "Requests that wait for a connection."),
    ):
        meter.create_observable_up_down_counter(f"{pool}.{name}", [callback], unit, description)
