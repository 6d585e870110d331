"""Middlewares as plain ASGI, because BaseHTTPMiddleware costs each request a task."""

from .cancel_on_disconnect import CancelOnDisconnectMiddleware
from .request_body_limit import RequestBodyLimitMiddleware
from .request_log import RequestLogMiddleware
from .startup_error import StartupErrorMiddleware

__all__ = [
    "CancelOnDisconnectMiddleware",
    "RequestBodyLimitMiddleware",
    "RequestLogMiddleware",
    "StartupErrorMiddleware",
]
