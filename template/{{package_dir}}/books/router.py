from fastapi import APIRouter
from sqlalchemy.orm import selectinload

from ..database import Key, Page
from ..database.dependencies import Cursor, Limit
from ..database.validators import Search
from ..errors import error_responses
from .models import Author, Book
from .repository import Authors, Books, ReadAuthors, ReadBooks
from .schemas import AuthorCreate, AuthorRead, AuthorUpdate, AuthorWithBooks, BookCreate, BookRead, BookUpdate

router = APIRouter()


@router.post("/authors", tags=["authors"], status_code=201, response_model=AuthorRead)
async def create_author(values: AuthorCreate, authors: Authors) -> Author:
    return await authors.add(Author(**values.model_dump()))


@router.get("/authors", tags=["authors"], response_model=Page[AuthorWithBooks])
async def list_authors(
    authors: ReadAuthors, name: Search | None = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Author]:
    """Authors by name, with their books. With `name`, those whose name contains it."""
    return await authors.search(name=name, cursor=cursor, limit=limit)


@router.get("/authors/{author_id}", tags=["authors"], response_model=AuthorWithBooks, responses=error_responses(404))
async def read_author(author_id: Key, authors: ReadAuthors) -> Author:
    return await authors.get(author_id, selectinload(Author.books))


@router.patch("/authors/{author_id}", tags=["authors"], response_model=AuthorRead, responses=error_responses(404))
async def update_author(author_id: Key, changes: AuthorUpdate, authors: Authors) -> Author:
    return await authors.update(await authors.get(author_id), changes)


@router.delete("/authors/{author_id}", tags=["authors"], status_code=204, responses=error_responses(404, 409))
async def delete_author(author_id: Key, authors: Authors) -> None:
    """Responds with 409 if the author has books."""
    await authors.delete(await authors.get(author_id))


@router.post("/books", tags=["books"], status_code=201, response_model=BookRead, responses=error_responses(409))
async def create_book(values: BookCreate, books: Books) -> Book:
    return await books.add(Book(**values.model_dump()))


@router.get("/books", tags=["books"], response_model=Page[BookRead])
async def list_books(
    books: ReadBooks,
    author_id: Key | None = None,
    title: Search | None = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[Book]:
    """Books by title. With `title`, those whose title contains it."""
    return await books.search(author_id=author_id, title=title, cursor=cursor, limit=limit)


@router.get("/books/{book_id}", tags=["books"], response_model=BookRead, responses=error_responses(404))
async def read_book(book_id: Key, books: ReadBooks) -> Book:
    return await books.get(book_id)


@router.patch("/books/{book_id}", tags=["books"], response_model=BookRead, responses=error_responses(404, 409))
async def update_book(book_id: Key, changes: BookUpdate, books: Books) -> Book:
    return await books.update(await books.get(book_id), changes)


@router.delete("/books/{book_id}", tags=["books"], status_code=204, responses=error_responses(404))
async def delete_book(book_id: Key, books: Books) -> None:
    await books.delete(await books.get(book_id))
