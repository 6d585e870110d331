"""The queries of this domain. Handlers that only read take a repository named `Read...`, which costs less."""

from typing import Annotated

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ..database import Key, Page, Repository
from ..database.dependencies import reads, writes
from .models import Author, Book


class AuthorRepository(Repository[Author]):
    model = Author

    async def search(self, *, name: str | None, cursor: str | None, limit: int) -> Page[Author]:
        statement = select(Author).options(selectinload(Author.books))
        if name is not None:
            statement = statement.where(Author.name.icontains(name, autoescape=True))
        return await self.page(statement, (Author.name, Author.id), cursor=cursor, limit=limit)


Authors = Annotated[AuthorRepository, writes(AuthorRepository)]
ReadAuthors = Annotated[AuthorRepository, reads(AuthorRepository)]


class BookRepository(Repository[Book]):
    model = Book

    async def search(self, *, author_id: Key | None, title: str | None, cursor: str | None, limit: int) -> Page[Book]:
        statement = select(Book)
        if author_id is not None:
            statement = statement.where(Book.author_id == author_id)
        if title is not None:
            statement = statement.where(Book.title.icontains(title, autoescape=True))
        return await self.page(statement, (Book.title, Book.id), cursor=cursor, limit=limit)


Books = Annotated[BookRepository, writes(BookRepository)]
ReadBooks = Annotated[BookRepository, reads(BookRepository)]
