"""Request and response bodies, separate from how the data is stored."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, Strict
from typing_extensions import TypedDict

from ..database import Key
from ..database.validators import PlainDate, WholeNumber

# No control characters, because PostgreSQL cannot store NUL, and at least one character that is not a space.
TEXT = r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"

Text = Annotated[str, Field(max_length=200, pattern=TEXT), AfterValidator(str.strip)]
Search = Annotated[str, Field(max_length=200, pattern=TEXT)]
Name = Annotated[Text, Field(examples=["Ursula K. Le Guin"])]
Title = Annotated[Text, Field(examples=["The Dispossessed"])]
ISBN = Annotated[str, Field(pattern=r"^[0-9]{13}$", examples=["9780060125639"])]
Pages = Annotated[int, Field(ge=1, le=100_000, strict=True, examples=[341]), WholeNumber]
AuthorId = Annotated[Key, Strict(), WholeNumber]


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
    published_on: PlainDate | None = None
    author_id: AuthorId


class BookUpdate(TypedDict, total=False):
    """Only the fields that are sent change."""

    title: Title
    isbn: ISBN
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
