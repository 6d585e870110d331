"""The cookies of a browser: its session, and a mark that somebody logged in there before."""

import re

from fastapi import Response
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyCookie

# Browsers take a cookie with this prefix only over https, and from no other host, such as a sibling subdomain.
SESSION = "__Host-session"
DEVICE = "__Host-device"


class SessionCookie(APIKeyCookie):
    async def __call__(self, request: HTTPConnection) -> str | None:
        return read_cookie(request, SESSION)


session_cookie = SessionCookie(
    name=SESSION, scheme_name="Session", description="Set by `POST /auth/login`.", auto_error=False
)


def read_cookie(connection: HTTPConnection, name: str) -> str | None:
    """Read a cookie by its exact name. Starlette's parser strips white space, with which a name can pretend the prefix."""
    header = "; ".join(connection.headers.getlist("cookie"))
    values = re.findall(rf"(?:^|; ){name}=([^;]*)", header)
    # Whoever sends two did not get both from this service.
    return None if not values else values[0] if len(values) == 1 else ""


def set_cookie(response: Response, name: str, value: str, days: int) -> None:
    response.set_cookie(name, value, max_age=days * 24 * 3600, secure=True, httponly=True, samesite="lax")


def delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, secure=True, httponly=True, samesite="lax")
