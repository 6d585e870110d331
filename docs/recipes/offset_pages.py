from fastapi import APIRouter
from pydantic import BaseModel
from shop.books.models import Book
from shop.database import OffsetPage, Repository
from shop.database.dependencies import Limit, Offset, ReadSession
from sqlalchemy import select

router = APIRouter()


class BookRow(BaseModel):
    title: str
    pages: int


class BookRepository(Repository[Book]):
    model = Book


@router.get("/table", response_model=OffsetPage[BookRow])
async def read_table(db: ReadSession, offset: Offset = 0, limit: Limit = 20) -> OffsetPage[Book]:
    """The longest books first. `id` makes the order unique."""
    statement = select(Book).order_by(Book.pages.desc(), Book.id)
    return await BookRepository(db).offset_page(statement, offset=offset, limit=limit)
