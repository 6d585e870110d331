"""What the guides show: an engine at import with pre-ping, a session by `yield`, commit and refresh in the handler."""

# mypy: ignore-errors
# Models and schemas are those of the rendered service, so that all differ in nothing but the pattern.

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from my_service.books.models import Author, Book
from my_service.books.schemas import AuthorWithBooks, BookCreate, BookRead, BookUpdate
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import selectinload

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://").replace("sslmode=", "ssl=")
engine = create_async_engine(url, pool_pre_ping=True)
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


async def get_db() -> AsyncIterator[AsyncSession]:
    async with SessionLocal() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_db)]


async def get_book(db: AsyncSession, book_id: int) -> Book:
    book = await db.get(Book, book_id)
    if book is None:
        raise HTTPException(404, "Book not found")
    return book


@app.get("/books/{book_id}", response_model=BookRead)
async def read_book(book_id: int, db: Db):
    return await get_book(db, book_id)


@app.get("/books", response_model=list[BookRead])
async def list_books(db: Db, skip: int = 0, limit: int = 20):
    result = await db.execute(select(Book).order_by(Book.title, Book.id).offset(skip).limit(limit))
    return result.scalars().all()


@app.get("/authors", response_model=list[AuthorWithBooks])
async def list_authors(db: Db, skip: int = 0, limit: int = 20):
    statement = select(Author).options(selectinload(Author.books)).order_by(Author.name, Author.id)
    result = await db.execute(statement.offset(skip).limit(limit))
    return result.scalars().all()


@app.post("/books", response_model=BookRead, status_code=201)
async def create_book(values: BookCreate, db: Db):
    book = Book(**values.model_dump())
    db.add(book)
    await db.commit()
    await db.refresh(book)
    return book


@app.patch("/books/{book_id}", response_model=BookRead)
async def update_book(book_id: int, values: BookUpdate, db: Db):
    book = await get_book(db, book_id)
    for name, value in values.items():
        setattr(book, name, value)
    await db.commit()
    await db.refresh(book)
    return book


@app.delete("/books/{book_id}", status_code=204)
async def delete_book(book_id: int, db: Db) -> None:
    await db.delete(await get_book(db, book_id))
    await db.commit()


@app.get("/readyz")
async def ready(db: Db):
    await db.execute(text("SELECT 1"))
    return {"status": "ready"}


def create_app() -> FastAPI:
    return app
