"""Tokens of accounts: of sessions, of known devices and of links. Only their hashes are stored."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from fastapi import HTTPException
from sqlalchemy import ColumnElement, Exists, ForeignKey, LargeBinary, Row, String, delete, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from ...database import Base, CreatedAt, Key, PrimaryKey, Repository
from ..api_keys import PREFIX, digest, generate_key, is_well_formed


class TokenKind(StrEnum):
    SESSION = "session"
    DEVICE = "device"
    REGISTER = "register"
    RESET = "reset"

    @property
    def prefix(self) -> str:
        return f"{PREFIX}{self}_"


class AccountToken(Base):
    """`user_id` is empty in the link to register, because there is no user yet, and `email` in all others."""

    __tablename__ = "account_tokens"

    id: Mapped[PrimaryKey]
    kind: Mapped[str] = mapped_column(String(10))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[Key | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    email: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class TokenRepository(Repository[AccountToken]):
    model = AccountToken

    async def issue(
        self, kind: TokenKind, lifetime: timedelta, *, user_id: Key | None = None, email: str | None = None
    ) -> str:
        """Insert a token, and delete some that have expired."""
        now, token = datetime.now(UTC), generate_key(kind.prefix)
        row = AccountToken(kind=kind, digest=digest(token), user_id=user_id, email=email, expires_at=now + lifetime)
        await self.add(row)
        await self.delete_unlocked(AccountToken.expires_at < now)
        return token

    async def redeem(self, kind: TokenKind, token: str) -> Row[Key | None, str | None]:
        """Delete a token that is valid, so that it works once. Return its user and address. Raises HTTPException: 422."""
        row = None
        if is_well_formed(token, kind.prefix):
            current = AccountToken.expires_at > datetime.now(UTC)
            deletion = delete(AccountToken).where(*is_token(kind, token), current)
            statement = deletion.returning(AccountToken.user_id, AccountToken.email)
            row = (await self.db.execute(statement, execution_options={"synchronize_session": False})).one_or_none()
        if row is None:
            raise HTTPException(422, "The link is not valid, or it was used, or it has expired. Ask for a new one.")
        return row

    async def end(self, kind: TokenKind, token: str) -> None:
        await self.delete_where(*is_token(kind, token))

    async def end_all(self, user_id: Key) -> None:
        """End all sessions and links of a user. Known devices stay: they are no credentials."""
        await self.delete_where(AccountToken.user_id == user_id, AccountToken.kind != TokenKind.DEVICE)

    async def delete_unlocked(self, condition: ColumnElement[bool]) -> None:
        """Delete at most 100, and none that another transaction has locked: whoever waits for it could deadlock."""
        unlocked = select(AccountToken.id).where(condition).limit(100).with_for_update(skip_locked=True)
        await self.delete_where(AccountToken.id.in_(unlocked))

    async def delete_where(self, *conditions: ColumnElement[bool]) -> None:
        statement = delete(AccountToken).where(*conditions)
        await self.db.execute(statement, execution_options={"synchronize_session": False})


def is_token(kind: TokenKind, token: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return AccountToken.digest == digest(token), AccountToken.kind == kind


def is_known_device(token: str, user_id: Key | InstrumentedAttribute[Key]) -> Exists:
    """Whether the user logged in where this token comes from."""
    current = AccountToken.expires_at > datetime.now(UTC)
    return exists().where(*is_token(TokenKind.DEVICE, token), AccountToken.user_id == user_id, current)
