from collections.abc import Sequence

from shop.books.models import Author, Book
from shop.database import Key
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, joinedload, load_only, selectinload


async def authors_with_books(db: AsyncSession) -> Sequence[Author]:
    """Load a collection with one additional query, whatever the number of authors."""
    return (await db.scalars(select(Author).options(selectinload(Author.books)))).all()


async def book_with_author(db: AsyncSession, book_id: Key) -> Book:
    """Load a single related row with a join. `innerjoin`, because each book has an author."""
    return await db.get_one(Book, book_id, options=[joinedload(Book.author, innerjoin=True)])


async def books_with_their_authors_books(db: AsyncSession) -> Sequence[Book]:
    """Load nested relationships: each step states how."""
    path = joinedload(Book.author, innerjoin=True).selectinload(Author.books).load_only(Book.title)
    return (await db.scalars(select(Book).options(path))).all()


async def authors_with_long_books(db: AsyncSession, pages: int) -> Sequence[Author]:
    """Filter and load with one join. `Author.books` then contains only the long books."""
    statement = (
        select(Author)
        .join(Author.books)
        .where(Book.pages >= pages)
        .options(contains_eager(Author.books), load_only(Author.name))
        # Without this, an author that is already in the session would keep its loaded books.
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).unique().all()
