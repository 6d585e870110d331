from collections.abc import Sequence

from shop.books.models import Author, Book
from shop.database import Key
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, joinedload, load_only, selectinload


async def authors_with_books(db: AsyncSession) -> Sequence[Author]:
    """A collection: one more query, whatever the number of authors."""
    return (await db.scalars(select(Author).options(selectinload(Author.books)))).all()


async def book_with_author(db: AsyncSession, book_id: Key) -> Book:
    """One related row: a join. `innerjoin`, since each book has an author."""
    return await db.get_one(Book, book_id, options=[joinedload(Book.author, innerjoin=True)])


async def books_with_their_authors_books(db: AsyncSession) -> Sequence[Book]:
    """Nested: each step says how it is loaded."""
    path = joinedload(Book.author, innerjoin=True).selectinload(Author.books).load_only(Book.title)
    return (await db.scalars(select(Book).options(path))).all()


async def authors_with_long_books(db: AsyncSession, pages: int) -> Sequence[Author]:
    """A join that filters and loads at once. `Author.books` then holds the long books only."""
    statement = (
        select(Author)
        .join(Author.books)
        .where(Book.pages >= pages)
        .options(contains_eager(Author.books), load_only(Author.name))
        # An author who is in the session already would keep the books that it has.
        .execution_options(populate_existing=True)
    )
    return (await db.scalars(statement)).unique().all()
