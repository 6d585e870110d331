from datetime import datetime

from shop.database import Base, CreatedAt, PrimaryKey
from sqlalchemy import Index, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped


class Ticket(Base):
    __tablename__ = "tickets"

    id: Mapped[PrimaryKey]
    owner: Mapped[str]
    subject: Mapped[str]
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        # Partial: a small index of the few open tickets. Covering: `subject` comes from the index.
        Index(
            "ix_tickets_open",
            "owner",
            "created_at",
            postgresql_where=text("closed_at IS NULL"),
            postgresql_include=["subject"],
        ),
        # Unique among open tickets only, ignoring case.
        Index(
            "uq_tickets_open_subject",
            "owner",
            text("lower(subject)"),
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )


async def open_tickets(db: AsyncSession, owner: str) -> list[tuple[str, datetime]]:
    statement = select(Ticket.subject, Ticket.created_at).where(Ticket.owner == owner, Ticket.closed_at.is_(None))
    return [(subject, created_at) for subject, created_at in await db.execute(statement.order_by(Ticket.created_at))]
