"""The example is what `make domain` writes for its fields, except for the regions listed here."""

from pathlib import Path

import pytest

from testkit.make import domain
from testkit.rendering import Render

AUTHORS = {"name": "authors", "into": "books", "fields": "name:str"}
BOOKS = AUTHORS | {
    "name": "books",
    "fields": "title:str isbn:str:13:unique pages:int published_on:date? author:references:authors",
}

# What is written, and what the example has in its place. What takes the place of nothing comes at the end.
REGIONS: dict[str, dict[str, str]] = {
    "src/shop/books/models.py": {
        "import ForeignKey": "import CheckConstraint, ForeignKey",
        "\n\n\nclass Book": """

    books: Mapped[list["Book"]] = relationship(back_populates="author", lazy="raise", passive_deletes="all")


class Book""",
        '        UniqueConstraint("isbn"),\n': """\
        UniqueConstraint("isbn"),
        CheckConstraint("pages > 0", "pages_positive"),
""",
        'relationship(lazy="raise")': 'relationship(back_populates="books", lazy="raise")',
    },
    "src/shop/books/schemas.py": {
        "Name = Annotated[Text, Field(max_length=200": (
            'Name = Annotated[Text, Field(max_length=200, examples=["Ursula K. Le Guin"]'
        ),
        "Title = Annotated[Text, Field(max_length=200": (
            'Title = Annotated[Text, Field(max_length=200, examples=["The Dispossessed"]'
        ),
        "Isbn = Annotated[Text, Field(max_length=13)]": (
            'Isbn = Annotated[str, Field(pattern=r"^[0-9]{13}$", examples=["9780060125639"])]'
        ),
        "ge=-(2**31), lt=2**31, strict=True": "ge=1, le=100_000, strict=True, examples=[341]",
        "": """

class AuthorWithBooks(AuthorRead):
    books: list[BookRead]
""",
    },
    "src/shop/books/repository.py": {
        "from sqlalchemy import select\n": "from sqlalchemy import select\nfrom sqlalchemy.orm import selectinload\n",
        "= select(Author)\n": "= select(Author).options(selectinload(Author.books))\n",
    },
    "src/shop/books/router.py": {
        "import APIRouter\n": "import APIRouter\nfrom sqlalchemy.orm import selectinload\n",
        "AuthorUpdate, BookCreate": "AuthorUpdate, AuthorWithBooks, BookCreate",
        "Page[AuthorRead]": "Page[AuthorWithBooks]",
        "Authors by name. ": "Authors by name, with their books. ",
        '@router.get("/authors/{author_id}", tags=["authors"], response_model=AuthorRead': (
            '@router.get("/authors/{author_id}", tags=["authors"], response_model=AuthorWithBooks'
        ),
        "return await authors.get(author_id)": "return await authors.get(author_id, selectinload(Author.books))",
        """responses=error_responses(404))
async def delete_author(author_id: Key, authors: Authors) -> None:
""": '''responses=error_responses(404, 409))
async def delete_author(author_id: Key, authors: Authors) -> None:
    """Responds with 409 if the author has books."""
''',
    },
    "tests/books/factories.py": {'f"Isbn {number}"': 'f"{number:013}"'},
    "tests/books/test_authors.py": {
        "import new_author": "import new_author, new_book",
        "read.json() == created.json()": 'read.json() == created.json() | {"books": []}',
        ".json() == updated.json()": '.json() == updated.json() | {"books": []}',
        "": """

async def test_removes_the_spaces_around_a_name(client: AsyncClient) -> None:
    assert (await client.post("/authors", json={"name": " Iain Banks "})).json()["name"] == "Iain Banks"


async def test_lists_with_books(client: AsyncClient, db: AsyncSession) -> None:
    book = new_book()
    db.add(book)
    await db.commit()
    page = (await client.get("/authors")).json()
    assert [book["title"] for author in page["items"] for book in author["books"]] == [book.title]


async def test_deletes_only_without_books(client: AsyncClient, db: AsyncSession) -> None:
    book = new_book()
    db.add(book)
    await db.commit()
    assert (await client.delete(f"/authors/{book.author_id}")).status_code == 409
    assert (await client.delete(f"/books/{book.id}")).status_code == 204
    assert (await client.delete(f"/authors/{book.author_id}")).status_code == 204
""",
    },
    "tests/books/test_books.py": {
        '        {"isbn": "x" * 14},\n': """\
        {"isbn": "978"},
        {"isbn": "\\N{ARABIC-INDIC DIGIT NINE}" * 13},
""",
        '        {"pages": 2**31},\n': """\
        {"pages": 0},
        {"pages": 2**31},
""",
        "": """

async def test_searches_for_the_characters_of_patterns(client: AsyncClient, db: AsyncSession) -> None:
    db.add_all([new_book(title="100% A"), new_book(title="1000 B")])
    await db.commit()
    found = (await client.get("/books", params={"title": "100%"})).json()
    assert [item["title"] for item in found["items"]] == ["100% A"]


@pytest.mark.parametrize("cursor", ["x", "eA==", "bnVsbA==", "WyJ0aXRsZSBpZCJd", "é"])
async def test_refuses_unknown_cursors(client: AsyncClient, cursor: str) -> None:
    assert_error(await client.get("/books", params={"cursor": cursor}), 422)


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 101}, {"limit": "1_0"}, {"title": "\\0"}, {"author_id": "1_0"}, {"author_id": 2**70}],
    ids=str,
)
async def test_refuses_bad_queries(client: AsyncClient, query: dict[str, Any]) -> None:
    assert (await client.get("/books", params=query)).status_code == 422
""",
    },
}


@pytest.mark.slow
def test_the_example_is_what_is_written(render: Render) -> None:
    example, bare = render(project_name="Shop"), render(project_name="Shop", example=False)
    domain(bare, **AUTHORS)
    domain(bare, **BOOKS)
    for file, regions in REGIONS.items():
        assert (example / file).read_text() == replace(Path(bare, file).read_text(), regions), file


def replace(text: str, regions: dict[str, str]) -> str:
    for written, instead in regions.items():
        assert not written or text.count(written) == 1, written
        text = text.replace(written, instead) if written else text + instead
    return text
