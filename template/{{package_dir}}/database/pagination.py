"""Pages of long lists. A keyset page is always fast; an offset page has a total."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from .errors import InvalidCursorError

T = TypeVar("T")

Order = tuple[InstrumentedAttribute[Any], ...]
BigInt = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Page(BaseModel, Generic[T]):
    """A page of a list. `next_cursor` is null on the last page."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    items: list[T]
    next_cursor: str | None = None


class OffsetPage(BaseModel, Generic[T]):
    """A page of a list. `total` counts the items of all pages."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    items: list[T]
    total: int


async def keyset_page(
    db: AsyncSession,
    statement: Select[T],
    order: Order,
    *,
    cursor: str | None = None,
    limit: int = 20,
    descending: bool = False,
) -> Page[T]:
    """Return the page after `cursor` in one query, which an index makes as fast for the millionth row as for the first.

    The statement selects one entity and has no ORDER BY. `order` lists attributes that are unique together.
    Raises InvalidCursorError if the cursor belongs to another order, and ValueError if an attribute is nullable.
    """
    adapter = cursor_type(order, descending)
    if cursor is not None:
        # Compare one row value, so that an index on these columns serves the whole condition.
        here, last = tuple_(*order), decode_cursor(adapter, cursor)
        statement = statement.where(here < last if descending else here > last)
    statement = statement.order_by(*(column.desc() if descending else column for column in order))
    # One more row than requested tells whether there is another page.
    rows = (await db.scalars(statement.limit(limit + 1))).all()
    items = list(rows[:limit])
    if len(rows) == len(items):
        return Page(items=items)
    return Page(items=items, next_cursor=encode_cursor(adapter, order, descending, items[-1]))


async def offset_page(db: AsyncSession, statement: Select[T], *, offset: int = 0, limit: int = 20) -> OffsetPage[T]:
    """Return a page of `statement`, which selects one entity in a unique order, and the total number of rows.

    This costs two queries: the first counts every row that matches, and the second reads `offset` rows only to skip them.
    Concurrent inserts and deletes shift the pages. Prefer `keyset_page` unless clients need the total.
    """
    count = select(func.count()).select_from(statement.order_by(None).subquery())
    total = await db.scalar(count.execution_options(**statement.get_execution_options()))
    rows = await db.scalars(statement.offset(offset).limit(limit))
    return OffsetPage(items=list(rows), total=total or 0)


@cache
def cursor_type(order: Order, descending: bool) -> TypeAdapter[tuple[Any, ...]]:
    """A cursor contains the values of the last row, and the name of its order, so that other lists reject it."""
    types: list[Any] = []
    for attribute in order:
        (column,) = attribute.property.columns
        if column.nullable:
            raise ValueError(f"{attribute} is nullable: no comparison with null is true, so pages would omit rows.")
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
