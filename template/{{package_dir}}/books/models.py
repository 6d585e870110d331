from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..database import Base, CreatedAt, Key, PrimaryKey, UpdatedAt


class Author(Base):
    __tablename__ = "authors"
    __table_args__ = (Index(None, "name", "id"),)

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]

    books: Mapped[list["Book"]] = relationship(back_populates="author", lazy="raise", passive_deletes="all")


class Book(Base):
    __tablename__ = "books"
    __table_args__ = (
        UniqueConstraint("isbn"),
        CheckConstraint("pages > 0", "pages_positive"),
        Index(None, "author_id"),
        Index(None, "title", "id"),
    )

    id: Mapped[PrimaryKey]
    title: Mapped[str] = mapped_column(String(200))
    isbn: Mapped[str] = mapped_column(String(13))
    pages: Mapped[int]
    published_on: Mapped[date | None]
    author_id: Mapped[Key] = mapped_column(ForeignKey("authors.id", ondelete="RESTRICT"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]

    author: Mapped[Author] = relationship(back_populates="books", lazy="raise")
