from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from shop.database import Base, Key, PrimaryKey
from sqlalchemy import ColumnElement, Numeric, UniqueConstraint, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Product(Base):
    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[PrimaryKey]
    code: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))


class ProductValues(TypedDict):
    code: str
    price: Decimal


async def add_products(db: AsyncSession, values: Sequence[ProductValues]) -> Sequence[Key]:
    """Return keys in the order of `values`. One statement inserts a thousand rows."""
    statement = insert(Product).returning(Product.id, sort_by_parameter_order=True)
    return (await db.scalars(statement, values)).all()


async def set_prices(db: AsyncSession, prices: dict[Key, Decimal]) -> None:
    """Different values for each row: one statement, sent once with all parameters.

    Sorted by key, because two calls that change the same rows could otherwise deadlock.
    """
    await db.execute(update(Product), [{"id": key, "price": price} for key, price in sorted(prices.items())])


async def raise_prices(db: AsyncSession, condition: ColumnElement[bool], factor: Decimal) -> Sequence[Key]:
    """Apply the same change to many rows, and return their keys."""
    statement = update(Product).where(condition).values(price=Product.price * factor).returning(Product.id)
    return (await db.scalars(statement)).all()


async def import_products(db: AsyncSession, values: Sequence[ProductValues]) -> Sequence[Product]:
    """Insert new rows and update changed ones; return the codes of both. Each code may occur in `values` only once."""
    statement = upsert(Product).values(sorted(values, key=lambda value: value["code"]))
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[Product.code],
        set_={"price": new.price},
        where=Product.price.is_distinct_from(new.price),
    )
    rows = statement.returning(Product)
    return (await db.scalars(rows, execution_options={"populate_existing": True})).all()
