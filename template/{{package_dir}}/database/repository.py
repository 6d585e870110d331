"""Repositories hold the queries of a domain. They take SQLAlchemy statements and return rows."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapper
from sqlalchemy.orm.interfaces import ORMOption

from .errors import NotFoundError
from .pagination import OffsetPage, Order, Page, keyset_page, offset_page

Model = TypeVar("Model", bound=DeclarativeBase)


class Repository(Generic[Model]):
    """Access to the rows of one model. Each method runs one query, unless documented otherwise, and never commits.

    class BookRepository(Repository[Book]):
        model = Book
    """

    model: ClassVar[type[Any]]

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def get(self, key: Any, *options: ORMOption) -> Model:
        """Return the row with this primary key; a composite key is a tuple. Each `selectinload` adds one query.

        Raises NotFoundError, which becomes a 404.
        """
        keys = key if isinstance(key, tuple) else (key,)
        statement = select_by_key(inspect(self.model))
        if options:
            statement = statement.options(*options)
        row: Model | None = await self.db.scalar(statement, {f"key_{n}": value for n, value in enumerate(keys)})
        if row is None:
            raise NotFoundError(self.model, key)
        return row

    async def one(self, statement: Select[Model]) -> Model:
        """Return the only row that matches.

        Raises NotFoundError if there is none, and SQLAlchemy's MultipleResultsFound if there are several.
        """
        row = (await self.db.scalars(statement)).one_or_none()
        if row is None:
            raise NotFoundError(self.model)
        return row

    async def first(self, statement: Select[Model]) -> Model | None:
        """Return the first row that matches, or None. The statement gets a `LIMIT 1`."""
        return (await self.db.scalars(statement.limit(1))).first()

    async def all(self, statement: Select[Model]) -> Sequence[Model]:
        """Return all rows that match. If there may be many, return a page instead."""
        return (await self.db.scalars(statement)).all()

    async def page(
        self,
        statement: Select[Model],
        order: Order,
        *,
        cursor: str | None = None,
        limit: int = 20,
        descending: bool = False,
    ) -> Page[Model]:
        """Return a keyset page. Raises InvalidCursorError, which becomes a 422. See `keyset_page`."""
        return await keyset_page(self.db, statement, order, cursor=cursor, limit=limit, descending=descending)

    async def offset_page(self, statement: Select[Model], *, offset: int = 0, limit: int = 20) -> OffsetPage[Model]:
        """Return a page and the total number of matching rows, in two queries. See `offset_page`."""
        return await offset_page(self.db, statement, offset=offset, limit=limit)

    async def add(self, row: Model) -> Model:
        """Insert a row. Its key and server defaults are loaded by the same query.

        Raises IntegrityError if a constraint refuses the row.
        """
        self.db.add(row)
        await self.db.flush()
        return row

    async def update(self, row: Model, changes: Mapping[str, Any]) -> Model:
        """Set attributes of a row. The same query loads `updated_at`. If nothing changed, no query runs.

        Raises IntegrityError if a constraint refuses the change.
        """
        for name, value in changes.items():
            setattr(row, name, value)
        await self.db.flush()
        return row

    async def delete(self, row: Model) -> None:
        """Delete a row. Raises IntegrityError if another row refers to it."""
        await self.db.delete(row)
        await self.db.flush()


@cache
def select_by_key(mapper: Mapper[Any]) -> Select[Any]:
    """The statement of `get`, built once per model. `session.get` builds one for every call."""
    return select(mapper).where(*(column == bindparam(f"key_{n}") for n, column in enumerate(mapper.primary_key)))
