from shop.database import Base, PrimaryKey
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, relationship, selectinload

post_labels = Table(
    "post_labels",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    Column("label_id", ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "label_id"),  # the primary key serves the other direction
)


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[PrimaryKey]
    title: Mapped[str]

    labels: Mapped[set["Label"]] = relationship(secondary=post_labels, lazy="raise", passive_deletes=True)


class Label(Base):
    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[PrimaryKey]
    name: Mapped[str]


async def set_labels(db: AsyncSession, post_id: int, labels: set[Label]) -> None:
    """Write only the difference."""
    post = await db.get_one(Post, post_id, options=[selectinload(Post.labels)])
    post.labels = labels
