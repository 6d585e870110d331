"""The statements of this domain. `Authors` and `Books` write; `ReadAuthors` and `ReadBooks` cost less."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ..database import Key, Page, Repository
from ..database.dependencies import DbSession, ReadSession
from .models import Author, Book


class AuthorRepository(Repository[Author]):
    model = Author

    async def list(self, *, name: str | None, cursor: str | None, limit: int) -> Page[Author]:
        statement = select(Author).options(selectinload(Author.books))
        if name is not None:
            statement = statement.where(Author.name.istartswith(name, autoescape=True))
        return await self.page(statement, (Author.name, Author.id), cursor=cursor, limit=limit)


class BookRepository(Repository[Book]):
    model = Book

    async def list(self, *, author_id: Key | None, title: str | None, cursor: str | None, limit: int) -> Page[Book]:
        statement = select(Book)
        if author_id is not None:
            statement = statement.where(Book.author_id == author_id)
        if title is not None:
            statement = statement.where(Book.title.icontains(title, autoescape=True))
        return await self.page(statement, (Book.title, Book.id), cursor=cursor, limit=limit)


# Asynchronous, though nothing waits here: FastAPI would run anything else in a thread.
async def authors(db: DbSession) -> AuthorRepository:
    return AuthorRepository(db)


async def read_authors(db: ReadSession) -> AuthorRepository:
    return AuthorRepository(db)


async def books(db: DbSession) -> BookRepository:
    return BookRepository(db)


async def read_books(db: ReadSession) -> BookRepository:
    return BookRepository(db)


Authors = Annotated[AuthorRepository, Depends(authors)]
ReadAuthors = Annotated[AuthorRepository, Depends(read_authors)]
Books = Annotated[BookRepository, Depends(books)]
ReadBooks = Annotated[BookRepository, Depends(read_books)]
