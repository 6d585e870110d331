"""Cross-site request forgery: a browser sends the cookie along, whatever page makes the request."""

from typing import TYPE_CHECKING

from fastapi import HTTPException
from fastapi.requests import HTTPConnection

if TYPE_CHECKING:
    from ...settings import Settings

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


async def refuse_cross_site(connection: HTTPConnection) -> None:
    """Refuse what another origin sends, a sibling subdomain included, unless CORS_ORIGINS names it. Raises HTTPException: 403.

    Browsers add Sec-Fetch-Site, and older ones at least Origin, to each request that may change something. What has
    neither does not come from a page.
    """
    if connection.scope.get("method") in SAFE_METHODS:  # a WebSocket has no method, and is not safe
        return
    settings: Settings = connection.app.state.settings
    origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if origin is not None and settings.cors_credentials and origin in settings.cors_origins:
        return
    if site is None and origin is not None:
        site = "same-origin" if origin.partition("://")[2] == connection.headers.get("host") else "cross-site"
    if site not in (None, "same-origin", "none"):
        raise HTTPException(403, "The request comes from a page of another origin.")
