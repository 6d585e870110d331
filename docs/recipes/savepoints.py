from collections.abc import Iterable

from shop.database import Base, PrimaryKey
from sqlalchemy import UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped


class Subscriber(Base):
    __tablename__ = "subscribers"
    __table_args__ = (UniqueConstraint("email"),)

    id: Mapped[PrimaryKey]
    email: Mapped[str]


async def import_subscribers(db: AsyncSession, emails: Iterable[str]) -> list[str]:
    """Add each address that does not exist yet; return those that do."""
    refused = []
    for email in emails:
        try:
            async with db.begin_nested():
                db.add(Subscriber(email=email))
        except IntegrityError:
            refused.append(email)
    return refused
