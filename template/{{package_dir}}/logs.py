"""The log of the whole process, configured by logging.json beside this file.

`LOG_FORMAT=json` writes one JSON object per line, `LOG_LEVEL` changes the level; both are read from the environment only.
"""

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from logging.config import dictConfig
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Import only the standard library: a uvicorn worker configures logging before it answers the parent's health check.

LEVEL = os.environ.get("LOG_LEVEL", "INFO").upper()
JSON = os.environ.get("LOG_FORMAT") == "json"

# `color_message` is uvicorn's.
STANDARD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging() -> None:
    """Configure logging unless it is configured already, by uvicorn's --log-config or by pytest."""
    if not logging.getLogger().handlers:
        dictConfig(json.loads(Path(__file__).with_name("logging.json").read_text()))


@dataclass(slots=True)
class RequestContext:
    """The fields that all log lines of a request share."""

    id: str
    trace_id: str | None
    scope: MutableMapping[str, Any]

    @property
    def method(self) -> str:
        return str(self.scope.get("method", "WEBSOCKET"))

    @property
    def route(self) -> str | None:
        """The path of the route with its parameters, such as `/books/{book_id}`; None if no route matched."""
        # Only FastAPI's route context includes the prefixes of routers. For a WebSocket, it has a `starlette_route`.
        context = self.scope.get("fastapi", {}).get("effective_route_context")
        path = getattr(context, "path_format", None) or getattr(
            getattr(context, "starlette_route", None) or self.scope.get("route"), "path_format", None
        )
        return None if path is None else f"{self.scope.get('root_path', '')}{path}"

    @property
    def target(self) -> str:
        """What the request's line shows: the route in JSON logs, because a path may contain secrets; the path in text logs."""
        return (self.route or "-") if JSON else quote(self.scope["path"])


current_request: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)


def current_trace_id() -> str | None:
    if (trace := sys.modules.get("opentelemetry.trace")) is None:
        return None
    trace_id = trace.get_current_span().get_span_context().trace_id
    return f"{trace_id:032x}" if trace_id else None


@lru_cache(maxsize=1)  # because formatting a time costs as much as encoding half a line
def format_second(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class JSONFormatter(logging.Formatter):
    """One object per line. Every character that is not ASCII is escaped, so no value can start a new line."""

    encode = json.JSONEncoder(default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": f"{format_second(int(record.created))}.{int(record.msecs):03}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := current_request.get()) is not None:
            fields["request_id"] = request.id
            fields["trace_id"] = request.trace_id
            fields["method"] = request.method
            fields["route"] = request.route
        elif trace_id := current_trace_id():
            fields["trace_id"] = trace_id
        attributes = vars(record)
        for name in attributes.keys() - STANDARD_ATTRIBUTES:
            fields[name] = attributes[name]
        if record.exc_info and (error := record.exc_info[1]):
            fields |= {
                "exception.type": type_name(error),
                "exception.message": message_of(error),
                "exception.stacktrace": "".join(format_exception(error)),
            }
        return self.encode(fields)


class TextFormatter(logging.Formatter):
    """For people. Every line but the first of a record is indented, so no value can look like a new record."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).time().isoformat("seconds")
        text = f"{time} {record.levelname:<7} {record.name}: {record.getMessage()}"
        request = current_request.get()
        if request is not None and record.levelno >= logging.WARNING:
            text += f" (request {request.id})"
        if record.exc_info and (error := record.exc_info[1]):
            text += "\n" + "".join(format_exception(error))
        text = CONTROL_CHARACTERS.sub(lambda match: ascii(match[0])[1:-1], text)
        return text.rstrip("\n").replace("\n", "\n    ")


def create_formatter(**_: Any) -> logging.Formatter:
    return JSONFormatter() if JSON else TextFormatter()


class URLFilter(logging.Filter):
    """Drops uvicorn's lines about WebSockets, because they show the query string."""

    def filter(self, record: logging.LogRecord) -> bool:
        return '"WebSocket %s"' not in str(record.msg)


def format_exception(error: BaseException) -> Iterator[str]:
    """The traceback of an error and of its causes, without the input that failed validation."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from format_exception(cause)
        yield "\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type_name(error)}: {message_of(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from format_exception(each)


def type_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def message_of(error: BaseException) -> str:
    from fastapi.exceptions import ValidationException
    from pydantic import ValidationError

    if isinstance(error, ValidationException | ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return str(error)
