"""Begin sessions."""

from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from . import cookies
from .schemas import SessionToken
from .tokens import TokenKind, TokenRepository, is_known_device
from .users import User

DEVICE_DAYS = 400  # browsers keep no cookie for longer


async def begin_session(db: AsyncSession, user: User, days: int) -> SessionToken:
    lifetime = timedelta(days=days)
    token = await TokenRepository(db).issue(TokenKind.SESSION, lifetime, user_id=user.id)
    return SessionToken(token=token, expires_at=datetime.now(UTC) + lifetime)


async def log_browser_in(db: AsyncSession, request: Request, response: Response, user: User, days: int) -> None:
    """Begin a session and set its cookie. That of before ends, so that nobody can know the token of the new one."""
    tokens = TokenRepository(db)
    if before := cookies.read_cookie(request, cookies.SESSION):
        await tokens.end(TokenKind.SESSION, before)
    session = await begin_session(db, user, days)
    cookies.set_cookie(response, cookies.SESSION, session.token, days)
    device = cookies.read_cookie(request, cookies.DEVICE) or ""
    if not await db.scalar(select(is_known_device(device, user.id))):
        device = await tokens.issue(TokenKind.DEVICE, timedelta(days=DEVICE_DAYS), user_id=user.id)
        cookies.set_cookie(response, cookies.DEVICE, device, DEVICE_DAYS)
