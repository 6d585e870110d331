import asyncio
from dataclasses import dataclass

from shop.books.models import Author, Book
from shop.database import Base, Database
from sqlalchemy import func, select


@dataclass
class Totals:
    authors: int
    books: int


async def count_all(database: Database) -> Totals:
    """Run both queries concurrently, each on its own session and therefore its own connection."""

    async def count(model: type[Base]) -> int:
        async with database.read_scope() as db:
            return await db.scalar(select(func.count()).select_from(model)) or 0

    authors, books = await asyncio.gather(count(Author), count(Book))
    return Totals(authors, books)
