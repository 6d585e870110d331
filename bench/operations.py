"""What is measured, on which rows."""

import base64
import json
from dataclasses import dataclass

ROWS = 1_000_000

# Two books for each author. Titles and names are in the order of the keys.
FILL = f"""
INSERT INTO authors (name) SELECT 'Author ' || to_char(n, 'FM0000000') FROM generate_series(1, {ROWS // 2}) n;
INSERT INTO books (title, isbn, pages, author_id)
    SELECT 'Book ' || to_char(n, 'FM0000000'), to_char(n, 'FM0000000000000'), 300, (n + 1) / 2
    FROM generate_series(1, {ROWS}) n;
ANALYZE authors, books;
CHECKPOINT;
"""


@dataclass(frozen=True)
class Operation:
    """A request.

    One that writes has `#` for a number that is new each time, from `first` on, and `written`: how many rows show that
    it wrote, from the number $1 to $2. All others answer the same each time.
    """

    method: str
    path: str
    status: int = 200
    body: str = ""
    first: int = 0
    written: str = ""
    authorization: str = ""
    """The header of a request without a body."""


OPERATIONS = {
    "read": Operation("GET", "/books/1"),
    "page": Operation("GET", "/books?limit=20"),
    "page with related": Operation("GET", "/authors?limit=20"),
    "create": Operation(
        "POST",
        "/books",
        201,
        # After all others in the order of titles: the first page stays as it is.
        '{"title": "Created", "isbn": "#", "pages": 341, "author_id": 1000}',
        first=2_000_000_000_000,
        written="SELECT count(*) FROM books WHERE isbn >= $1::bigint::text AND isbn < $2::bigint::text",
    ),
    "patch": Operation(
        "PATCH",
        "/books/#",
        200,
        '{"pages": 299}',
        first=100_000,
        written="SELECT count(*) FROM books WHERE id >= $1 AND id < $2 AND pages = 299",
    ),
    "delete": Operation(
        "DELETE",
        "/books/#",
        204,
        first=500_000,
        written="SELECT $2::bigint - $1::bigint - count(*) FROM books WHERE id >= $1 AND id < $2",
    ),
    "readiness": Operation("GET", "/readyz"),
}


def page_after(number: int) -> Operation:
    """The page of 20 after this row."""
    values = ["title id", f"Book {number:07}", number]
    cursor = base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode()
    return Operation("GET", f"/books?limit=20&cursor={cursor}")
