from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from shop.database import Base, Key, PrimaryKey
from shop.database.dependencies import DbSession, ReadSession
from sqlalchemy.orm import Mapped

router = APIRouter()


class Voucher(Base):
    __tablename__ = "vouchers"

    id: Mapped[PrimaryKey]
    expires_at: Mapped[datetime]


async def get_clock() -> Callable[[], datetime]:
    return lambda: datetime.now(UTC)


Clock = Annotated[Callable[[], datetime], Depends(get_clock)]


@router.post("/vouchers", status_code=201)
async def create_voucher(db: DbSession, clock: Clock) -> Key:
    voucher = Voucher(expires_at=clock() + timedelta(days=30))
    db.add(voucher)
    await db.flush()  # for its key
    return voucher.id


@router.get("/vouchers/{voucher_id}/valid")
async def is_valid(voucher_id: Key, db: ReadSession, clock: Clock) -> bool:
    return (await db.get_one(Voucher, voucher_id)).expires_at > clock()
