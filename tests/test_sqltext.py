"""What telemetry and logs say of a statement. The module of a rendered layer, which imports nothing else of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.projects import ROOT
from testkit.rendering import load_module

module: Any = load_module(ROOT / "template" / "{{package_dir}}" / "database" / "sqltext.py")


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT a.id \nFROM authors AS a \nWHERE a.id = $1", "SELECT authors"),
        ("select 1 from only catalog.books join authors on true", "SELECT catalog.books authors"),
        ('SELECT * FROM "My Books" LEFT OUTER JOIN authors USING (id)', 'SELECT "My Books" authors'),
        ("INSERT INTO books (title) VALUES ($1) ON CONFLICT DO UPDATE SET title = $1", "INSERT books"),
        ("INSERT INTO archive SELECT * FROM books", "INSERT archive SELECT books"),
        ("UPDATE books SET title=$1 WHERE id = $2", "UPDATE books"),
        ("DELETE FROM books WHERE id IN (SELECT id FROM old)", "DELETE books SELECT old"),
        ("WITH gone AS (DELETE FROM books RETURNING *) SELECT * FROM gone", "DELETE books SELECT gone"),
        ("SELECT extract(year FROM published_on) FROM books", "SELECT books"),
        ("SELECT * FROM books WHERE pages IS DISTINCT FROM $1 FOR UPDATE SKIP LOCKED", "SELECT books"),
        ("SELECT * FROM books FOR NO KEY UPDATE OF books", "SELECT books"),
        ("SELECT * FROM authors, LATERAL (SELECT 1) AS one", "SELECT authors SELECT"),
        ("SELECT 'DELETE FROM books'", "SELECT"),
        ("  -- DELETE FROM books\nSHOW server_version", "SHOW"),
        ("CREATE INDEX CONCURRENTLY ON books (title)", "CREATE"),
        ("", ""),
    ],
)
def test_summary(statement: str, summary: str) -> None:
    assert module.describe_statement(statement).summary == summary


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT $1::BIGINT, t1.a2 FROM t1 LIMIT 10", "SELECT $1::BIGINT, t1.a2 FROM t1 LIMIT ?"),
        ("SELECT 'it''s', E'it\\'s', 1.5e3, 0x1F", "SELECT ?, ?, ?, ?"),
        ('SELECT "it\'s 1", "a""b"', 'SELECT "it\'s 1", "a""b"'),
        ("SELECT $$it's$$, $tag$a $$ b$tag$, 1", "SELECT ?, ?, ?"),
        ("SELECT 1 /* it's */ + 1 -- it's\n, 'a'", "SELECT ?  + ? \n, ?"),
        ("SELECT * FROM books WHERE title LIKE'a%'", "SELECT * FROM books WHERE title LIKE?"),
        ("SELECT 'never ends", "SELECT ?"),
        ("SELECT $tag$never ends", "SELECT ?"),
        ("SELECT /* never ends", "SELECT"),
    ],
)
def test_text(statement: str, text: str) -> None:
    assert module.describe_statement(statement).text == text


@given(st.text(alphabet="s3cret'\\$\"\n-/*;\0é", max_size=60), st.sampled_from(["'", "E'"]))
def test_values_in_quotes_are_hidden(value: str, quote: str) -> None:
    escaped = value.replace("'", "''")
    if quote == "E'":
        escaped = escaped.replace("\\", "\\\\")
    statement = f"SELECT a FROM t WHERE b = {quote}{escaped}' AND c = $1"  # noqa: S608
    assert module.describe_statement(statement).text == "SELECT a FROM t WHERE b = ? AND c = $1"


def test_a_long_statement_is_cut_within_a_literal() -> None:
    statement = f"INSERT INTO books (title) VALUES ('{'s3cret' * 1000}')"  # noqa: S608
    assert module.describe_statement(statement).text == "INSERT INTO books (title) VALUES (?"
    assert len(module.describe_statement("SELECT * FROM a JOIN " * 1000).summary) <= 255
