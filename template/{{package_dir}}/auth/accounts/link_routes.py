"""Routes to register and to set a new password: both mail a link, whose token is then sent back with a password."""

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Request, Response
from sqlalchemy import select

from ...database import DbSession
from ...database.dependencies import CurrentDatabase
from ...errors import error_responses
from ...limits import RateLimit
from ...settings import CurrentSettings
from .csrf import refuse_cross_site
from .links import mail_link
from .passwords import hash_password
from .schemas import Address, PasswordByLink, UserRead
from .sessions import log_browser_in
from .tokens import AccountToken, TokenKind, TokenRepository, is_token
from .users import User, UserRepository

LINKS = RateLimit("links", quota=60, window=3600)

router = APIRouter(
    prefix="/auth", tags=["accounts"], dependencies=[Depends(refuse_cross_site), Depends(LINKS.by_address)]
)


@router.post("/registration", status_code=202, response_class=Response)
async def register(
    address: Address, tasks: BackgroundTasks, database: CurrentDatabase, settings: CurrentSettings
) -> None:
    """Mails a link. The response is the same for an address that has an account."""
    if not settings.accounts.registration:
        raise HTTPException(403, "Registration is closed.")
    tasks.add_task(mail_link, database, settings.accounts, TokenKind.REGISTER, address.email)


@router.post("/registration/confirm", status_code=201, response_model=UserRead, responses=error_responses(409))
async def confirm_registration(
    values: PasswordByLink, request: Request, response: Response, settings: CurrentSettings, db: DbSession
) -> User:
    """Creates the user and logs the browser in."""
    password_hash = await hash_password(values.password, settings.accounts.password_min_length)
    tokens = TokenRepository(db)
    link = await tokens.redeem(TokenKind.REGISTER, values.token)
    await tokens.delete_unlocked(AccountToken.email == link.email)
    user = await UserRepository(db).add(User(email=link.email, password_hash=password_hash))
    await log_browser_in(db, request, response, user, settings.accounts.session_days)
    return user


@router.post("/reset", status_code=202, response_class=Response)
async def ask_for_reset(
    address: Address, tasks: BackgroundTasks, database: CurrentDatabase, settings: CurrentSettings
) -> None:
    """Mails a link. The response is the same for an address that has no account."""
    tasks.add_task(mail_link, database, settings.accounts, TokenKind.RESET, address.email)


@router.post("/reset/confirm", response_model=UserRead)
async def reset_password(
    values: PasswordByLink, request: Request, response: Response, settings: CurrentSettings, db: DbSession
) -> User:
    """Sets the password, ends all sessions and links of the user, and logs this browser in."""
    password_hash = await hash_password(values.password, settings.accounts.password_min_length)
    users, tokens = UserRepository(db), TokenRepository(db)
    # The user is locked before the tokens, as in all other transactions. Otherwise two could deadlock.
    owner = select(AccountToken.user_id).where(*is_token(TokenKind.RESET, values.token)).scalar_subquery()
    await users.first(select(User).where(User.id == owner).with_for_update())
    link = await tokens.redeem(TokenKind.RESET, values.token)
    user = await users.get(link.user_id)
    await users.set_password(user, password_hash)
    await log_browser_in(db, request, response, user, settings.accounts.session_days)
    return user
