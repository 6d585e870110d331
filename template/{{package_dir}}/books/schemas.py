"""The bodies of requests and responses, apart from how the data is stored."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from typing_extensions import TypedDict

from ..database import Key

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Name = Annotated[Text, Field(examples=["Ursula K. Le Guin"])]
Title = Annotated[Text, Field(examples=["The Dispossessed"])]
ISBN = Annotated[str, Field(pattern=r"^\d{13}$", examples=["9780060125639"])]
Pages = Annotated[int, Field(ge=1, le=100_000, examples=[341])]


class AuthorCreate(BaseModel):
    name: Name


class AuthorUpdate(TypedDict, total=False):
    """Only the fields that are sent change."""

    name: Name


class AuthorRead(BaseModel):
    id: Key
    name: str
    created_at: datetime
    updated_at: datetime


class BookCreate(BaseModel):
    title: Title
    isbn: ISBN
    pages: Pages
    published_on: date | None = None
    author_id: Key


class BookUpdate(TypedDict, total=False):
    """Only the fields that are sent change."""

    title: Title
    isbn: ISBN
    pages: Pages
    published_on: date | None
    author_id: Key


class BookRead(BaseModel):
    id: Key
    title: str
    isbn: str
    pages: int
    published_on: date | None
    author_id: Key
    created_at: datetime
    updated_at: datetime


class AuthorWithBooks(AuthorRead):
    books: list[BookRead]
