"""Middleware as plain ASGI, because BaseHTTPMiddleware starts a task for each request."""

from .allowed_hosts import AllowedHostsMiddleware
from .cancel_on_disconnect import CancelOnDisconnectMiddleware
from .default_headers import DefaultHeadersMiddleware
from .request_body_limit import RequestBodyLimitMiddleware
from .request_log import RequestLogMiddleware
from .startup_error import StartupErrorMiddleware

__all__ = [
    "AllowedHostsMiddleware",
    "CancelOnDisconnectMiddleware",
    "DefaultHeadersMiddleware",
    "RequestBodyLimitMiddleware",
    "RequestLogMiddleware",
    "StartupErrorMiddleware",
]
