from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class RequestBodyLimitMiddleware:
    """Refuse a body of more than `max_body_size` bytes with a 413.

    Starlette's middleware of this name answers in plain text. This one raises where the body is read, so that the
    application's exception handler answers.
    """

    def __init__(self, app: ASGIApp, max_body_size: int) -> None:
        self.app = app
        self.max_body_size = max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size = 0
        content_length = Headers(scope=scope).get("content-length", "")
        too_large = HTTPException(413, f"The request body must not exceed {self.max_body_size} bytes.")

        async def receive_limited() -> Message:
            nonlocal size
            # Check before receive(), which sends 100 Continue, so that the client would begin to send the body.
            if content_length.isdecimal() and int(content_length) > self.max_body_size:
                raise too_large
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_body_size:
                raise too_large
            return message

        await self.app(scope, receive_limited, send)
