from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from shop.database import Base, CreatedAt, Key, PrimaryKey
from shop.database.dependencies import DbSession
from sqlalchemy.orm import Mapped

router = APIRouter()


class Payment(Base):
    __tablename__ = "payments"

    id: Mapped[PrimaryKey]
    amount: Mapped[int]
    state: Mapped[str]
    created_at: Mapped[CreatedAt]


class PaymentRead(BaseModel):
    id: Key
    state: str


async def get_charge() -> Callable[[Payment], Awaitable[str]]:
    """The client of another service, which may take seconds."""
    raise NotImplementedError


Charge = Annotated[Callable[[Payment], Awaitable[str]], Depends(get_charge)]


@router.post("/payments", status_code=201, response_model=PaymentRead)
async def pay(amount: int, db: DbSession, charge: Charge) -> Payment:
    payment = Payment(amount=amount, state="pending")
    db.add(payment)
    # The row is there whatever happens next, and the connection is free for others while the call runs.
    await db.commit()
    # Not expired by the commit: `id` and `created_at` came with the INSERT.
    payment.state = await charge(payment)
    return payment  # and the end of the request commits the new state
