"""FastAPI dependencies of handlers that are for users."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, HTTPException
from pydantic import TypeAdapter, ValidationError

from ...database import Key
from ..dependencies import CurrentPrincipal
from ..principal import Principal

RECENT = timedelta(hours=1)
key_adapter: TypeAdapter[Key] = TypeAdapter(Key)


async def get_user_id(principal: CurrentPrincipal) -> Key:
    """The ID of the user, for foreign keys. An API key belongs to a user if its subject is the user's ID."""
    try:
        return key_adapter.validate_python(principal.subject)
    except ValidationError:
        raise HTTPException(403, "This is for users.") from None


async def require_session(principal: CurrentPrincipal) -> Principal:
    if "session_id" not in principal.claims:
        raise HTTPException(403, "This needs a session, not an API key.")
    return principal


async def require_recent_login(principal: CurrentPrincipal) -> Principal:
    """Refuse a session that is older than an hour, as RFC 9470 says. An API key has no login, and passes."""
    logged_in_at = principal.claims.get("logged_in_at")
    if logged_in_at is not None and logged_in_at < datetime.now(UTC) - RECENT:
        challenge = f'Bearer error="insufficient_user_authentication", max_age={RECENT.total_seconds():.0f}'
        raise HTTPException(401, "Log in again: this needs a login of the last hour.", {"WWW-Authenticate": challenge})
    return principal


CurrentUserId = Annotated[Key, Depends(get_user_id)]
CurrentSession = Annotated[Principal, Depends(require_session)]
