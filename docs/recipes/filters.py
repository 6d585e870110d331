from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from shop.books.models import Book
from shop.database import Key, Repository
from shop.database.dependencies import ReadSession
from sqlalchemy import select

router = APIRouter()

# The orders a client may request. Each ends with the key, so that rows with equal values have an order, too.
ORDERS = {
    "title": (Book.title, Book.id),
    "-pages": (Book.pages.desc(), Book.id),
    "-published": (Book.published_on.desc().nulls_last(), Book.id),
}


class BookFilter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str | None = None
    author_id: Key | None = None
    published_after: date | None = None
    order: Literal["title", "-pages", "-published"] = "title"


class BookTitle(BaseModel):
    title: str


@router.get("/search", response_model=list[BookTitle])
async def search(wanted: Annotated[BookFilter, Query()], db: ReadSession) -> Sequence[Book]:
    statement = select(Book).order_by(*ORDERS[wanted.order]).limit(50)
    if wanted.title is not None:
        # autoescape: a % from the client is a literal %, not a wildcard.
        statement = statement.where(Book.title.icontains(wanted.title, autoescape=True))
    if wanted.author_id is not None:
        statement = statement.where(Book.author_id == wanted.author_id)
    if wanted.published_after is not None:
        statement = statement.where(Book.published_on > wanted.published_after)
    return await BookRepository(db).all(statement)


class BookRepository(Repository[Book]):
    model = Book
