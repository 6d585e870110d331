"""Repositories: where a domain keeps its statements. They take SQLAlchemy statements and return rows."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapper
from sqlalchemy.orm.interfaces import ORMOption

from .errors import NotFoundError
from .pagination import Order, Page, keyset_page

Model = TypeVar("Model", bound=DeclarativeBase)


class Repository(Generic[Model]):
    """Rows of one model, in the session's transaction: it never commits.

    class BookRepository(Repository[Book]):
        model = Book
    """

    model: ClassVar[type[Any]]

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def get(self, key: Any, *options: ORMOption) -> Model:
        """The row with this primary key, or tuple of keys. Raises NotFoundError: over HTTP a 404."""
        keys = key if isinstance(key, tuple) else (key,)
        statement = select_by_key(inspect(self.model))
        if options:
            statement = statement.options(*options)
        row: Model | None = await self.db.scalar(statement, {f"key_{n}": value for n, value in enumerate(keys)})
        if row is None:
            raise NotFoundError(self.model, key)
        return row

    async def first(self, statement: Select[Model]) -> Model | None:
        return (await self.db.scalars(statement.limit(1))).first()

    async def all(self, statement: Select[Model]) -> Sequence[Model]:
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
        """A keyset page; see `keyset_page`."""
        return await keyset_page(self.db, statement, order, cursor=cursor, limit=limit, descending=descending)

    async def add(self, row: Model) -> Model:
        self.db.add(row)
        await self.db.flush()  # the key and the server's defaults come back, and a constraint speaks here
        return row

    async def update(self, row: Model, changes: Mapping[str, Any]) -> Model:
        for name, value in changes.items():
            setattr(row, name, value)
        await self.db.flush()  # updated_at comes back, and a constraint speaks here
        return row

    async def delete(self, row: Model) -> None:
        await self.db.delete(row)
        await self.db.flush()  # a foreign key that restricts speaks here


@cache
def select_by_key(mapper: Mapper[Any]) -> Select[Any]:
    """Made once for each model: `session.get` makes it each time."""
    return select(mapper).where(*(column == bindparam(f"key_{n}") for n, column in enumerate(mapper.primary_key)))
