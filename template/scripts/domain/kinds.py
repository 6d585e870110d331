"""The types of fields: what each one is in PostgreSQL, in a request, and in a test."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from keyword import iskeyword


class Refused(Exception):
    """One sentence that says what to do."""


@dataclass(frozen=True)
class Kind:
    python: str
    schema: str
    """What a request may contain."""
    sample: str
    """A valid value, different for each `number`."""
    change: str
    """Another valid value, as JSON. Empty for what cannot be chosen freely, such as a key."""
    bad: tuple[str, ...]
    """Values that a request must not contain, as JSON."""
    column: str = ""
    """SQLAlchemy's type, where the Python type is not enough."""
    unique: bool = True
    searched: bool = False
    """Whether a list may be ordered by it and searched for it."""


def number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise Refused(f"write a whole number from {least} to {most} instead of {text!r}.")
    return int(text)


def string(label: str, length: str = "200") -> Kind:
    size = number(length, 1, 10_000)
    sample = f'f"{label} ' + '{number}"' if size >= len(label) + 8 else f"str(number).zfill({size})[-{size}:]"
    bad = ('""', '" "', f'"x" * {size + 1}', r'"a\0b"', "1")
    return Kind(
        "str", f"Annotated[Text, Field(max_length={size})]", sample, '"x"', bad, f"String({size})", searched=True
    )


def text(label: str) -> Kind:
    return Kind("str", "LongText", f'f"{label} ' + '{number}"', r'"two\nlines"', (r'"a\0b"', "1"), "Text")


def whole(bits: int, column: str = "") -> Kind:
    limits = f"Field(ge=-(2**{bits - 1}), lt=2**{bits - 1}, strict=True)"
    bad = (f"2**{bits - 1}", '"1"', "True", "1.5")
    return Kind("int", f"Annotated[int, {limits}, WholeNumber]", "number", "0", bad, column)


def numeric(_label: str, precision: str = "", scale: str = "") -> Kind:
    if not precision:
        raise Refused("numeric needs a precision and a scale, such as numeric:10,2.")
    digits = number(precision, 1, 1000)
    places = number(scale or "0", 0, digits)
    limits = f"Field(max_digits={digits}, decimal_places={places})"
    sample = f"Decimal(number).scaleb(-{places})" if places else "Decimal(number)"
    change = f'"{0.5:.{places}f}"' if places else '"5"'
    bad = (f'"1{"0" * (digits - places)}"', f'"0.{"0" * places}1"', '"NaN"', "True", '"x"')
    column = f"Numeric({digits}, {places})"
    return Kind("Decimal", f"Annotated[Decimal, {limits}]", sample, change, bad, column)


def enum(name: str, *values: str) -> Kind:
    """`name` is that of its class."""
    for value in values or ("",):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", value) or iskeyword(value) or hasattr(str, value):
            raise Refused(f"{value!r} cannot be a value: use lower-case words, but no keyword and no method of str.")
    if len(set(values)) < len(values):
        raise Refused("one value is there twice.")
    length = max(20, *map(len, values))
    column = f"Enum({name}, native_enum=False, length={length})"
    return Kind(name, name, f"{name}.{values[0]}", f'"{values[-1]}"', ('"?"', "1"), column, unique=False)


DOUBLE = Kind(
    "float",
    "Annotated[float, Field(strict=True, allow_inf_nan=False)]",
    "number / 2",
    "0.25",
    ('"1"', "True"),
    "Double",
)
BOOLEAN = Kind("bool", "StrictBool", "True", "False", ("1", '"yes"'), unique=False)
DATE = Kind(
    "date",
    "PlainDate",
    "date(2026, 1, 1) + timedelta(days=number)",
    '"2000-01-01"',
    ('"yesterday"', "0"),
)
TIME = Kind(
    "time",
    "PlainTime",
    "time(number // 60 % 24, number % 60)",
    '"23:59:59"',
    ('"noon"', "0"),
)
TIMESTAMP = Kind(
    "datetime",
    "Timestamp",
    "datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)",
    '"2000-01-01T00:00:00Z"',
    ('"2026-01-01T00:00:00"', "0"),
)
IDENTIFIER = Kind(
    "UUID",
    "PlainUUID",
    "UUID(int=number)",
    '"00000000-0000-0000-0000-000000000000"',
    ('"x"', "1"),
)
DOCUMENT = Kind(
    "dict[str, Any]",
    "dict[str, Any]",
    '{"number": number}',
    '{"a": [1, None]}',
    ('"x"', "[]"),
    'JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")',
    unique=False,
)
KINDS: dict[tuple[str, ...], Callable[..., Kind]] = {
    ("str", "varchar"): string,
    ("text",): text,
    ("int", "integer"): lambda _label: whole(32),
    ("smallint",): lambda _label: whole(16, "SmallInteger"),
    ("bigint",): lambda _label: whole(64, "BigInteger"),
    ("numeric", "decimal", "Decimal"): numeric,
    ("float", "double"): lambda _label: DOUBLE,
    ("bool", "boolean"): lambda _label: BOOLEAN,
    ("date",): lambda _label: DATE,
    ("time",): lambda _label: TIME,
    ("datetime", "timestamptz"): lambda _label: TIMESTAMP,
    ("uuid",): lambda _label: IDENTIFIER,
    ("json", "jsonb"): lambda _label: DOCUMENT,
    ("enum",): enum,
}
MAKERS = {name: maker for names, maker in KINDS.items() for name in names}
