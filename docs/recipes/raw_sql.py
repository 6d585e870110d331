from collections.abc import Sequence
from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel
from shop.books.models import Book
from shop.database.dependencies import ReadSession
from sqlalchemy import Row, select, text

router = APIRouter()

PAGES_BY_AUTHOR = text("""
SELECT authors.name, count(*) AS books, sum(books.pages) AS pages
FROM books JOIN authors ON authors.id = books.author_id
WHERE books.published_on >= :since
GROUP BY authors.id
ORDER BY pages DESC
""")

LONGEST_BY_AUTHOR = text("SELECT DISTINCT ON (author_id) * FROM books ORDER BY author_id, pages DESC, id")


class AuthorPages(BaseModel):
    name: str
    books: int
    pages: int


@router.get("/pages-by-author", response_model=list[AuthorPages])
async def pages_by_author(db: ReadSession, since: date) -> Sequence[Row[tuple[str, int, int]]]:
    """Values are always parameters. The response model reads the columns by name."""
    return (await db.execute(PAGES_BY_AUTHOR, {"since": since})).all()


@router.get("/longest-books", response_model=list[str])
async def longest_books(db: ReadSession) -> Sequence[str]:
    """Columns that a model knows become its rows."""
    books = await db.scalars(select(Book).from_statement(LONGEST_BY_AUTHOR))
    return [book.title for book in books]
