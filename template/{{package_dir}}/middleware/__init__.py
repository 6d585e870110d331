"""Middlewares as plain ASGI, because BaseHTTPMiddleware costs each request a task."""

from .cancel_on_disconnect import CancelOnDisconnectMiddleware
from .request_body_limit import RequestBodyLimitMiddleware
from .startup_error import StartupErrorMiddleware

__all__ = ["CancelOnDisconnectMiddleware", "RequestBodyLimitMiddleware", "StartupErrorMiddleware"]
