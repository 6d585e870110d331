"""Routes to log in and out, and for what users do with their own account."""

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from ...database import DbSession
from ...database.dependencies import CurrentDatabase
from ...database.primary import primary_scope
from ...errors import error_responses
from ...limits import RateLimit
from ...settings import CurrentSettings
from . import cookies
from .authentication import HOUR, authenticate, lock_unchanged
from .csrf import refuse_cross_site
from .dependencies import CurrentSession, CurrentUserId, require_recent_login
from .passwords import hash_password, verify_password
from .schemas import Login, PasswordChange, SessionToken, UserRead
from .sessions import begin_session, log_browser_in
from .tokens import AccountToken, TokenRepository
from .users import User, UserRepository

PASSWORD_CHANGES = RateLimit("password_changes", quota=10, window=HOUR)

# Logging in somebody against their will is forgery, too.
router = APIRouter(prefix="/auth", tags=["accounts"], dependencies=[Depends(refuse_cross_site)])


@router.post("/login", response_model=UserRead)
async def log_in(
    login: Login,
    request: Request,
    response: Response,
    database: CurrentDatabase,
    db: DbSession,
    settings: CurrentSettings,
) -> User:
    """For browsers: sets a cookie."""
    user = await authenticate(database, db, request, login)
    await log_browser_in(db, request, response, user, settings.accounts.session_days)
    return user


@router.post("/token")
async def issue_token(
    login: Login, request: Request, database: CurrentDatabase, db: DbSession, settings: CurrentSettings
) -> SessionToken:
    """For programs: returns a token for `Authorization: Bearer`, and sets no cookie."""
    user = await authenticate(database, db, request, login)
    return await begin_session(db, user, settings.accounts.session_days)


@router.post("/logout", status_code=204)
async def log_out(principal: CurrentSession, response: Response, db: DbSession) -> None:
    """End this session. The next request with its token gets a 401."""
    await TokenRepository(db).delete_where(AccountToken.id == principal.claims["session_id"])
    cookies.delete_cookie(response, cookies.SESSION)


@router.get("/me", response_model=UserRead, responses=error_responses(404))
async def read_me(user_id: CurrentUserId, database: CurrentDatabase) -> User:
    async with primary_scope(database) as db:
        return await UserRepository(db).get(user_id)


@router.put("/password", status_code=204)
async def change_password(
    change: PasswordChange,
    principal: CurrentSession,
    user_id: CurrentUserId,
    request: Request,
    response: Response,
    database: CurrentDatabase,
    db: DbSession,
    settings: CurrentSettings,
) -> None:
    """All sessions and links end. The cookie of this browser begins a new session."""
    await PASSWORD_CHANGES.check(database, principal.subject)
    async with primary_scope(database) as reading:
        read = await UserRepository(reading).get(user_id)
    is_right = await verify_password(read.password_hash, change.current_password)
    password_hash = await hash_password(change.password, settings.accounts.password_min_length)
    user = await lock_unchanged(db, read) if is_right else None
    if user is None:
        raise HTTPException(403, "The current password is wrong.")
    await UserRepository(db).set_password(user, password_hash)
    if cookies.read_cookie(request, cookies.SESSION):
        await log_browser_in(db, request, response, user, settings.accounts.session_days)


@router.delete(
    "/me", status_code=204, dependencies=[Depends(require_recent_login)], responses=error_responses(404, 409)
)
async def delete_me(_: CurrentSession, user_id: CurrentUserId, response: Response, db: DbSession) -> None:
    """Responds with 409 if other tables have rows of the user. It needs a login of the last hour."""
    users = UserRepository(db)
    await users.delete(await users.get(user_id))
    cookies.delete_cookie(response, cookies.SESSION)
