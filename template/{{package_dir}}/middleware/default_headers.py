from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    b"x-content-type-options": b"nosniff",  # browsers do not guess a content type
    b"cache-control": b"no-store",  # neither browsers nor proxies store responses
    b"content-security-policy": b"frame-ancestors 'none'",  # no page shows a response in a frame
}


class DefaultHeadersMiddleware:
    """Add headers to every response, each unless the response has its own value for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                names = {name.lower() for name, _ in headers}
                message["headers"] = [*headers, *(each for each in HEADERS.items() if each[0] not in names)]
            await send(message)

        await self.app(scope, receive, send_with_headers)
