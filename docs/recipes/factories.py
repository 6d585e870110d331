from itertools import count
from typing import Any

from shop.books.models import Author, Book

numbers = count(1)


def new_author(**values: Any) -> Author:
    """A test passes the values it is about. All others are valid and unique."""
    return Author(**{"name": f"Author {next(numbers)}"} | values)


def new_book(**values: Any) -> Book:
    number = next(numbers)
    if "author_id" not in values:
        values.setdefault("author", new_author())
    return Book(**{"title": f"Book {number}", "isbn": f"{number:013}", "pages": 100} | values)
