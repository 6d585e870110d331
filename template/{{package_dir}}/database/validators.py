"""Validators for request data. They reject notations that OpenAPI does not document."""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict

# No control characters, because PostgreSQL cannot store NUL, and at least one character that is not a space.
TEXT = r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"


def refuse_other_notations(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError("Input should be an integer in digits")
    return value


def parse_whole_number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def notation(pattern: str, parse: Callable[[str], object]) -> BeforeValidator:
    """Parse text with this pattern. A strict type refuses any other."""
    return BeforeValidator(
        lambda value: parse(value) if isinstance(value, str) and re.fullmatch(pattern, value) else value
    )


Text: TypeAlias = Annotated[str, Field(pattern=TEXT), AfterValidator(str.strip)]
"""One line of text, without the spaces around it."""

LongText: TypeAlias = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text with line breaks, which may be empty."""

Search: TypeAlias = Annotated[str, Field(max_length=200, pattern=TEXT)]
"""Text to search for."""

Digits = BeforeValidator(refuse_other_notations)
"""For integers in paths and queries, where pydantic reads `1_0` as 10 and ` 1` as 1."""

WholeNumber = BeforeValidator(parse_whole_number)
"""For strict integers in bodies, because 1.0 is an integer in JSON Schema. `Strict()` refuses `true` and `"1"`."""

PlainDate: TypeAlias = Annotated[date, notation(r"[0-9]{4}(-[0-9]{2}){2}", date.fromisoformat), Strict()]
"""A date as `2026-12-31`. Pydantic would take a timestamp, too."""

PlainTime: TypeAlias = Annotated[time, notation(r"[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?", time.fromisoformat), Strict()]
"""A time of day as `23:59:59`. Pydantic would take a number of seconds, too."""

Timestamp: TypeAlias = Annotated[
    AwareDatetime,
    notation(
        r"[0-9]{4}(-[0-9]{2}){2}[Tt][0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})",
        lambda value: datetime.fromisoformat(value.upper()),
    ),
    Strict(),
]
"""A time with its zone as `2026-12-31T23:59:59Z`. Pydantic would take a number of seconds, too."""

PlainUUID: TypeAlias = Annotated[UUID, notation(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", UUID), Strict()]
"""A UUID with four hyphens. Pydantic would take URNs and braces, too."""
