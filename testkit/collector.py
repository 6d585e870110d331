"""A collector of OpenTelemetry: receives OTLP over HTTP and keeps what it decodes."""

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as EncodedSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

Attributes = dict[str, Any]


@dataclass
class Span:
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    """In nanoseconds since 1970, like `start`."""
    attributes: Attributes
    events: list[str]
    failed: bool
    message: str
    resource: Attributes


@dataclass
class Point:
    """A value of a metric: a number, or how many values a histogram has counted."""

    value: float
    attributes: Attributes
    resource: Attributes


@dataclass
class Metric:
    name: str
    unit: str
    kind: str
    monotonic: bool | None
    points: list[Point] = field(default_factory=list)


@dataclass
class Collector:
    endpoint: str
    spans: list[Span] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    """One for each export: later ones have newer values."""
    unknown: list[str] = field(default_factory=list)
    """Paths of requests that carried neither traces nor metrics."""

    def receive(self, path: str, body: bytes) -> bytes:
        if path == "/v1/traces":
            self.spans += decode_spans(ExportTraceServiceRequest.FromString(body))
            return bytes(ExportTraceServiceResponse().SerializeToString())
        if path == "/v1/metrics":
            self.metrics += decode_metrics(ExportMetricsServiceRequest.FromString(body))
            return bytes(ExportMetricsServiceResponse().SerializeToString())
        self.unknown.append(path)
        return b""


@contextmanager
def collect() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = collector.receive(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent_collector() -> Iterator[str]:
    """An endpoint that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def dead_collector() -> Iterator[str]:
    """An endpoint that refuses connections."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # nobody else gets the port, and nobody listens
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def decode_attributes(encoded: Any) -> Attributes:
    def value(pair: KeyValue) -> Any:
        kind = pair.value.WhichOneof("value")
        return None if kind is None else getattr(pair.value, kind)

    return {pair.key: value(pair) for pair in encoded}


def decode_spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    kind=EncodedSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=decode_attributes(span.attributes),
                    events=[event.name for event in span.events],
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                    message=span.status.message,
                    resource=decode_attributes(resource.resource.attributes),
                )


def decode_metrics(request: ExportMetricsServiceRequest) -> Iterator[Metric]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for encoded in scope.metrics:
                kind = encoded.WhichOneof("data")
                assert kind in ("sum", "gauge", "histogram")
                data = getattr(encoded, kind)
                metric = Metric(encoded.name, encoded.unit, kind, data.is_monotonic if kind == "sum" else None)
                for point in data.data_points:
                    value = point.count if kind == "histogram" else getattr(point, point.WhichOneof("value"))
                    metric.points.append(
                        Point(
                            value, decode_attributes(point.attributes), decode_attributes(resource.resource.attributes)
                        )
                    )
                yield metric
