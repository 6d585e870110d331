import logging
import os
import re
from time import perf_counter

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..health import PROBES
from ..logs import RequestContext, current_request, current_trace_id

logger = logging.getLogger(__name__)

HEADER = b"x-request-id"
CLOSED = 499  # nginx's status for a client that disconnected before the response. A WebSocket was refused
SANE_ID = re.compile(rb"[\w.:+/=@-]{1,128}")


class RequestLogMiddleware:
    """Log each request when its response is complete, with an ID that is also in the response.

    The ID comes from the X-Request-ID header if that is safe to repeat. Successful probes are not logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = dict(scope["headers"]).get(HEADER, b"")
        if not SANE_ID.fullmatch(request_id):
            request_id = os.urandom(16).hex().encode()
        request = RequestContext(request_id.decode(), current_trace_id(), scope)
        # Never reset: uvicorn logs an unexpected error after this middleware has ended, in the same task.
        current_request.set(request)
        status = 0
        logged = False

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                log()

        def log() -> None:
            nonlocal logged
            if not logged and logger.isEnabledFor(logging.INFO) and (status >= 400 or scope["path"] not in PROBES):
                duration = perf_counter() - started
                fields = {
                    "status": status or CLOSED,
                    "duration": round(duration, 6),
                    "client": (scope.get("client") or [None])[0],
                }
                arguments = request.method, request.target, fields["status"], duration * 1000
                # Not logger.info(), which would search the stack for its caller.
                logger.handle(
                    logger.makeRecord(
                        logger.name, logging.INFO, __file__, 0, "%s %s %d in %.1f ms", arguments, None, extra=fields
                    )
                )
            logged = True

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            handler = scope["app"].exception_handlers.get(Exception)
            if handler is not None and not status and scope["type"] == "http":
                # Starlette would respond outside this middleware, without the ID or a log line.
                response = await handler(Request(scope), error)
                await response(scope, receive, send_with_id)
            raise
        finally:
            log()
