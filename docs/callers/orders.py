from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from .auth import CurrentPrincipal, Principal, allows
from .database import Base, Key, PrimaryKey, Repository
from .database.dependencies import reads, writes
from .errors import error_responses

router = APIRouter(prefix="/orders", tags=["orders"])


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[PrimaryKey]
    owner: Mapped[str] = mapped_column(String(200), index=True)
    cents: Mapped[int]


class OrderRepository(Repository[Order]):
    model = Order

    async def of(self, owner: str, key: Key) -> Order:
        return await self.one(select(Order).where(Order.id == key, Order.owner == owner))


Orders = Annotated[OrderRepository, writes(OrderRepository)]
ReadOrders = Annotated[OrderRepository, reads(OrderRepository)]


class OrderCreate(BaseModel):
    cents: int


class OrderRead(OrderCreate):
    model_config = ConfigDict(from_attributes=True)

    id: Key


@router.post("", status_code=201, response_model=OrderRead)
async def create_order(
    values: OrderCreate, principal: Annotated[Principal, allows("orders:write")], orders: Orders
) -> Order:
    return await orders.add(Order(owner=principal.subject, cents=values.cents))


@router.get("/{order_id}", response_model=OrderRead, responses=error_responses(404))
async def get_order(order_id: Key, principal: CurrentPrincipal, orders: ReadOrders) -> Order:
    return await orders.of(principal.subject, order_id)
