"""Links that are mailed, after the response: so it does not tell, nor its time, who has an account."""

import logging
from datetime import timedelta
from typing import Literal

from ...database import Database
from ...limits import RateLimit, RateLimitedError
from .mail import Mail
from .settings import AccountsSettings
from .tokens import TokenKind, TokenRepository
from .users import UserRepository

logger = logging.getLogger(__name__)

LIFETIMES = {TokenKind.REGISTER: timedelta(days=1), TokenKind.RESET: timedelta(hours=1)}
# Whoever uses this up for somebody else filled a mailbox with links that still work.
MAILS = RateLimit("mails", quota=3, window=3600)


async def mail_link(database: Database, settings: AccountsSettings, kind: TokenKind, email: str) -> None:
    """Mail a link to register, or to set a new password to whoever has an account."""
    try:
        await MAILS.check(database, email)
        async with database.session_scope() as db:
            user, tokens = await UserRepository(db).find(email), TokenRepository(db)
            if user is not None:
                token = await tokens.issue(TokenKind.RESET, LIFETIMES[TokenKind.RESET], user_id=user.id)
            elif kind is TokenKind.REGISTER:
                token = await tokens.issue(kind, LIFETIMES[kind], email=email)
            else:
                return
        if user is None:
            mail = Mail("register", email, f"{settings.web_url}/register#{token}")
        else:
            reason: Literal["registered", "reset"] = "registered" if kind is TokenKind.REGISTER else "reset"
            mail = Mail(reason, user.email, f"{settings.web_url}/reset#{token}")
        await settings.send_mail(mail)
    except RateLimitedError:
        logger.info("A link was not mailed, because several were.")
    except Exception:
        logger.exception("A link was not mailed.")
