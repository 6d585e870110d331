from typing import NamedTuple

from shop.books.models import Author, Book
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


class AuthorTotals(NamedTuple):
    name: str
    books: int
    pages: int


async def author_totals(db: AsyncSession) -> list[AuthorTotals]:
    """Select columns instead of entities: rows that nothing changes need no identity map."""
    statement = (
        select(Author.name, func.count(Book.id), func.coalesce(func.sum(Book.pages), 0))
        .outerjoin(Author.books)  # outer, so that an author without books counts 0
        .group_by(Author.id)
        .order_by(Author.name)
    )
    return [AuthorTotals(*row) for row in await db.execute(statement)]


async def longest_of_each_author(db: AsyncSession) -> list[tuple[str, str]]:
    """The first row of each group, by a window function in a subquery."""
    rank = func.row_number().over(partition_by=Book.author_id, order_by=(Book.pages.desc(), Book.id))
    ranked = select(Book.author_id, Book.title, rank.label("rank")).subquery()
    statement = (
        select(Author.name, ranked.c.title)
        .join(ranked, ranked.c.author_id == Author.id)
        .where(ranked.c.rank == 1)
        .order_by(Author.name)
    )
    return [(name, title) for name, title in await db.execute(statement)]


async def authors_without_books(db: AsyncSession) -> list[str]:
    """NOT EXISTS, because NOT IN finds nothing when the subquery returns a null."""
    return list(await db.scalars(select(Author.name).where(~Author.books.any()).order_by(Author.name)))
