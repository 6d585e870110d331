from typing import Annotated

from fastapi import APIRouter
from shop.database import Base, Key, PrimaryKey, Repository
from shop.database.dependencies import writes
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

router = APIRouter()


class StockItem(Base):
    __tablename__ = "stock_items"
    __table_args__ = (CheckConstraint("quantity >= 0", "quantity_not_negative"),)

    id: Mapped[PrimaryKey]
    quantity: Mapped[int]


class Reservation(Base):
    __tablename__ = "reservations"

    id: Mapped[PrimaryKey]
    item_id: Mapped[Key] = mapped_column(ForeignKey("stock_items.id"))
    quantity: Mapped[int]


class StockRepository(Repository[StockItem]):
    model = StockItem


class ReservationRepository(Repository[Reservation]):
    model = Reservation


class Warehouse:
    """The rule that spans both tables. Its repositories share a session and therefore a transaction."""

    def __init__(self, db: AsyncSession) -> None:
        self.stock = StockRepository(db)
        self.reservations = ReservationRepository(db)

    async def reserve(self, item_id: Key, quantity: int) -> Reservation:
        reservation = await self.reservations.add(Reservation(item_id=item_id, quantity=quantity))
        item = await self.stock.get(item_id)
        # The database computes the new value, because another request may have changed the row since it was read.
        await self.stock.update(item, {"quantity": StockItem.quantity - quantity})
        return reservation


@router.post("/items/{item_id}/reservations", status_code=201)
async def reserve(item_id: Key, quantity: int, warehouse: Annotated[Warehouse, writes(Warehouse)]) -> Key:
    return (await warehouse.reserve(item_id, quantity)).id
