"""Describe a statement for telemetry and logs, by a summary and by its text without values."""

import re
from functools import lru_cache
from typing import NamedTuple

MAX_TEXT = 4096
MAX_SUMMARY = 255

# The order matters, because a quote in a comment starts no string. An unterminated literal extends to the end.
TOKEN = re.compile(
    r"""
    (?P<identifier>"(?:[^"]|"")*")
    | (?P<comment>--[^\n]* | /\*.*?(?:\*/|\Z))
    | \b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
    | '(?:[^']|'')*(?:'|\Z)
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    | (?<![\w$])\d[\w.]*
    """,
    re.VERBOSE | re.DOTALL,
)
CLAUSE = re.compile(
    r"""
    \b(?:EXTRACT|OVERLAY|SUBSTRING|TRIM)\s*\([^()]*\) | \bDISTINCT\s+FROM\b | \b(?:DO|FOR|KEY)\s+UPDATE(?:\s+\w+)?
    | \b(?P<operation>SELECT|INSERT|UPDATE|DELETE|MERGE)\b
    | (?:(?<=UPDATE\s)|\b(?:FROM|INTO|JOIN)\s+)(?:ONLY\s+)?(?!(?:LATERAL|SELECT)\b)(?P<table>(?:"[^"]+"|[\w$.])+)
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Description(NamedTuple):
    summary: str
    text: str


@lru_cache(256)
def describe_statement(statement: str) -> Description:
    """Replace every literal by `?`, and name the operations and their tables, as in `SELECT books authors`."""
    text = TOKEN.sub(lambda token: token["identifier"] or ("" if token["comment"] else "?"), statement[:MAX_TEXT])
    words = [(clause["operation"] or "").upper() or clause["table"] for clause in CLAUSE.finditer(text)]
    summary = " ".join(filter(None, words)) or text.strip().partition(" ")[0].upper()
    return Description(summary[:MAX_SUMMARY], text.strip())
