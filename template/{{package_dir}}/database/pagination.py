"""Keyset pages: the millionth row is found through the index as fast as the first."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from .errors import InvalidCursorError

T = TypeVar("T")

Order = tuple[InstrumentedAttribute[Any], ...]
BigInt = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Page(BaseModel, Generic[T]):
    """A page of rows. `next_cursor` asks for the one after it, and is null on the last."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    items: list[T]
    next_cursor: str | None = None


async def keyset_page(
    db: AsyncSession,
    statement: Select[T],
    order: Order,
    *,
    cursor: str | None = None,
    limit: int = 20,
    descending: bool = False,
) -> Page[T]:
    """One page of a statement that selects one entity, ordered by attributes of it that are unique together.

    Raises InvalidCursorError when the cursor was made for another order.
    """
    adapter = cursor_type(order, descending)
    if cursor is not None:
        # Compared as one row, so that an index on these columns serves the whole condition.
        here, last = tuple_(*order), decode_cursor(adapter, cursor)
        statement = statement.where(here < last if descending else here > last)
    statement = statement.order_by(*(column.desc() if descending else column for column in order))
    # One row more than asked for tells whether there is another page.
    rows = (await db.scalars(statement.limit(limit + 1))).all()
    items = list(rows[:limit])
    if len(rows) == len(items):
        return Page(items=items)
    return Page(items=items, next_cursor=encode_cursor(adapter, order, descending, items[-1]))


@cache
def cursor_type(order: Order, descending: bool) -> TypeAdapter[tuple[Any, ...]]:
    """A cursor holds the order, so that it is not taken for another, and the last row's values in it."""
    types: list[Any] = []
    for attribute in order:
        (column,) = attribute.property.columns
        if column.nullable:
            raise ValueError(f"{attribute} may be null: no row comes after null, and pages would lose rows.")
        python_type = column.type.python_type
        types.append(BigInt if python_type is int else python_type)
    cursor: Any = tuple.__class_getitem__((Literal[order_name(order, descending)], *types))
    return TypeAdapter(cursor)


def order_name(order: Order, descending: bool) -> str:
    return " ".join(attribute.key for attribute in order) + (" desc" if descending else "")


def encode_cursor(adapter: TypeAdapter[tuple[Any, ...]], order: Order, descending: bool, row: object) -> str:
    values = (order_name(order, descending), *(getattr(row, attribute.key) for attribute in order))
    return urlsafe_b64encode(adapter.dump_json(values)).decode()


def decode_cursor(adapter: TypeAdapter[tuple[Any, ...]], cursor: str) -> tuple[Any, ...]:
    try:
        return adapter.validate_json(urlsafe_b64decode(cursor))[1:]
    except ValueError as error:
        raise InvalidCursorError(cursor) from error
