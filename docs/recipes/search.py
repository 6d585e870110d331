from collections.abc import Sequence

from shop.database import Base, PrimaryKey
from sqlalchemy import Computed, Index, func, select
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

# Name the language: to_tsvector(text) depends on a setting, so its result cannot be stored.
DOCUMENT = "setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', body), 'B')"


class Note(Base):
    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_search", "search", postgresql_using="gin"),)

    id: Mapped[PrimaryKey]
    title: Mapped[str]
    body: Mapped[str]
    # Maintained by PostgreSQL. Deferred, because no list of notes needs it.
    search: Mapped[str] = mapped_column(
        TSVECTOR, Computed(DOCUMENT, persisted=True), deferred=True, deferred_raiseload=True
    )


async def find(db: AsyncSession, words: str) -> Sequence[Note]:
    """Best match first. Accepts what people type: "exact words", or, -without."""
    query = func.websearch_to_tsquery("english", words)
    statement = (
        select(Note)
        .where(Note.search.op("@@")(query))
        .order_by(func.ts_rank(Note.search, query).desc(), Note.id)
        .limit(20)
    )
    return (await db.scalars(statement)).all()
