"""Validators for request data. They reject notations that OpenAPI does not document."""

import re
from datetime import date
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Strict


def refuse_other_notations(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError("Input should be an integer in digits")
    return value


def parse_whole_number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def parse_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    return value


Digits = BeforeValidator(refuse_other_notations)
"""For integers in paths and queries, where pydantic reads `1_0` as 10 and ` 1` as 1."""

WholeNumber = BeforeValidator(parse_whole_number)
"""For strict integers in bodies, because 1.0 is an integer in JSON Schema. `Strict()` refuses `true` and `"1"`."""

PlainDate: TypeAlias = Annotated[date, BeforeValidator(parse_date), Strict()]
"""A date as `2026-12-31`. Pydantic would take a timestamp, too."""
