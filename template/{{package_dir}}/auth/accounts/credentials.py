"""What a request is authenticated by: a session's cookie or token, or an API key."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import bindparam, select

from ...database.dependencies import CurrentDatabase
from ...database.primary import run_on_primary
from .. import api_keys
from ..principal import Principal, unauthenticated
from .cookies import session_cookie
from .csrf import refuse_cross_site
from .tokens import AccountToken, TokenKind
from .users import User

bearer = HTTPBearer(
    scheme_name="Token", description="A session's token, of `POST /auth/token`, or an API key.", auto_error=False
)

# Built once, because building it for each request costs as much CPU as sending it.
VALID_SESSION = (
    select(AccountToken.id, AccountToken.created_at, User.id.label("user_id"), User.email, User.scopes)
    .join(User, User.id == AccountToken.user_id)
    .where(
        AccountToken.digest == bindparam("digest"),
        AccountToken.kind == TokenKind.SESSION,
        AccountToken.expires_at > bindparam("now"),
    )
)


async def get_principal(
    connection: HTTPConnection,
    database: CurrentDatabase,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    cookie: Annotated[str | None, Depends(session_cookie)],
) -> Principal:
    """Whose session or key it is: one round trip to the primary, which holds no connection while the handler runs."""
    if credentials is not None:
        token = credentials.credentials
        if not token.startswith(TokenKind.SESSION.prefix):
            return await api_keys.get_principal(connection, database, credentials)
    elif cookie is not None:
        await refuse_cross_site(connection)
        token = cookie
    else:
        raise unauthenticated("Log in, or send a token: Authorization: Bearer ...", invalid=False)
    row = None
    if api_keys.is_well_formed(token, TokenKind.SESSION.prefix):
        parameters = {"digest": api_keys.digest(token), "now": datetime.now(UTC)}
        row = await run_on_primary(database, VALID_SESSION, parameters)
    if row is None:
        raise unauthenticated("The session has ended. Log in again.")
    claims = {"session_id": row.id, "logged_in_at": row.created_at, "email": row.email}
    return Principal(str(row.user_id), frozenset(row.scopes), claims)
