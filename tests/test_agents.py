"""Each rule in AGENTS.md is held by a check: a service that breaks the rule fails, and the check says why."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from testkit.edits import package, replace
from testkit.projects import PYTEST, run
from testkit.rendering import Render

pytestmark = pytest.mark.slow

SUITE = (*PYTEST, "-q")
POSTGRES = (*SUITE, "--database=postgres")
MIGRATION = '''"""{name}

Revision: {name}
Revises: {revises}
"""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{revises}"


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


def migration(service: Path, name: str, upgrade: str, downgrade: str) -> None:
    text = MIGRATION.format(name=name, revises="0001", upgrade=upgrade, downgrade=downgrade)
    (package(service) / "database" / "migrations" / "versions" / f"2026_02_01_{name}.py").write_text(text)


def write_in_a_read_session(service: Path) -> None:
    replace(
        package(service) / "books" / "router.py",
        "values: BookCreate, books: Books",
        "values: BookCreate, books: ReadBooks",
    )


def commit_after_the_response(service: Path) -> None:
    router = package(service) / "books" / "router.py"
    router.write_text(
        f"{router.read_text()}\n\n"
        "from fastapi import Depends\n\nfrom ..database.dependencies import get_db\n\n\n"
        '@router.get("/late", dependencies=[Depends(get_db)])\nasync def late() -> None: ...\n'
    )


def use_two_sessions(service: Path) -> None:
    router = package(service) / "books" / "router.py"
    replace(router, "values: BookCreate, books: Books", "values: BookCreate, books: Books, authors: ReadAuthors")
    replace(
        router,
        "    return await books.add(Book(**values.model_dump()))\n",
        "    book = await books.add(Book(**values.model_dump()))\n"
        "    await authors.get(book.author_id)\n    return book\n",
    )


def load_lazily(service: Path) -> None:
    models = package(service) / "books" / "models.py"
    replace(models, 'relationship(back_populates="books", lazy="raise")', 'relationship(back_populates="books")')


def forget_to_load(service: Path) -> None:
    replace(
        package(service) / "books" / "router.py",
        "authors.get(author_id, selectinload(Author.books))",
        "authors.get(author_id)",
    )


def forget_the_migration(service: Path) -> None:
    replace(
        package(service) / "books" / "models.py",
        "    pages: Mapped[int]\n",
        "    pages: Mapped[int]\n    weight: Mapped[int | None]\n",
    )


def leave_something_behind(service: Path) -> None:
    migration(service, "0002", 'op.execute("CREATE TYPE size AS ENUM ()")', "pass")


def branch(service: Path) -> None:
    for name in ("0002", "0003"):
        migration(service, name, "pass", "pass")


def lock_a_table(service: Path) -> None:
    migration(service, "0002", 'op.create_index("ix_x", "books", ["pages"])', 'op.drop_index("ix_x")')


def block_the_loop(service: Path) -> None:
    router = package(service) / "books" / "router.py"
    replace(router, "from fastapi import", "import time\n\nfrom fastapi import")
    replace(router, "    return await books.get(book_id)\n", "    time.sleep(1)\n    return await books.get(book_id)\n")


def leave_out_a_type(service: Path) -> None:
    (package(service) / "books" / "untyped.py").write_text("def untyped(value):\n    return value\n")


RULES: list[tuple[int, Callable[[Path], None], tuple[str, ...], str]] = [
    (1, write_in_a_read_session, (*SUITE, "tests/books"), "A read session cannot write"),
    (2, commit_after_the_response, (*SUITE, "tests/test_main.py"), "test_every_session_ends_before_the_response"),
    (3, use_two_sessions, (*SUITE, "tests/books"), "POST /books uses a second session"),
    (4, load_lazily, (*SUITE, "tests/database/test_repository.py"), "Book.author needs lazy='raise'"),
    (5, forget_to_load, (*SUITE, "tests/books"), "is not available due to lazy='raise'"),
    (6, forget_the_migration, (*POSTGRES, "tests/database/test_migrations.py"), "weight"),
    (
        7,
        leave_something_behind,
        (*POSTGRES, "tests/database/test_migrations.py"),
        "test_a_downgrade_leaves_nothing_behind",
    ),
    (7, branch, (*SUITE, "tests/database/test_migrations.py"), "test_one_head"),
    (8, lock_a_table, (*SUITE, "tests/database/test_migrations.py"), "require-concurrent-index-creation"),
    (9, block_the_loop, ("ruff", "check", "--no-cache"), "ASYNC251"),
    (10, leave_out_a_type, ("mypy", "--cache-dir=/dev/null"), "untyped.py"),
]


@pytest.mark.parametrize(("rule", "violate", "check", "message"), RULES, ids=[rule[1].__name__ for rule in RULES])
def test_a_rule_is_held(
    render: Render,
    postgres: str,
    rule: int,
    violate: Callable[[Path], None],
    check: tuple[str, ...],
    message: str,
) -> None:
    service = render()
    violate(service)
    with pytest.raises(AssertionError, match=re.escape(message)):
        run(service, *check, TEST_DATABASE_URL=postgres)


def test_every_rule_is_listed(render: Render) -> None:
    rules = re.findall(r"^(\d+)\. ", (render() / "AGENTS.md").read_text(), re.MULTILINE)
    assert [int(rule) for rule in rules] == sorted({rule for rule, *_ in RULES})
