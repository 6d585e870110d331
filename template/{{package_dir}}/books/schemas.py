"""Request and response bodies, separate from how the data is stored."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field, Strict
from typing_extensions import TypedDict

from ..database import Key
from ..database.validators import PlainDate, Text, WholeNumber

Name = Annotated[Text, Field(max_length=200, examples=["Ursula K. Le Guin"])]


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


Title = Annotated[Text, Field(max_length=200, examples=["The Dispossessed"])]
Isbn = Annotated[str, Field(pattern=r"^[0-9]{13}$", examples=["9780060125639"])]
Pages = Annotated[int, Field(ge=1, le=100_000, strict=True, examples=[341]), WholeNumber]
AuthorId = Annotated[Key, Strict(), WholeNumber]


class BookCreate(BaseModel):
    title: Title
    isbn: Isbn
    pages: Pages
    published_on: PlainDate | None = None
    author_id: AuthorId


class BookUpdate(TypedDict, total=False):
    """Only the fields that are sent change."""

    title: Title
    isbn: Isbn
    pages: Pages
    published_on: PlainDate | None
    author_id: AuthorId


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
