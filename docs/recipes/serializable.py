from datetime import date

from shop.database import Base, Database, Key, PrimaryKey, run_transaction
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped


class Shift(Base):
    __tablename__ = "shifts"

    id: Mapped[PrimaryKey]
    doctor: Mapped[str]
    day: Mapped[date]
    on_call: Mapped[bool]


async def go_home(database: Database, shift_id: Key) -> bool:
    """Return False when nobody else would be on call."""

    async def work(db: AsyncSession) -> bool:
        shift = await db.get_one(Shift, shift_id)
        others = select(func.count()).where(Shift.day == shift.day, Shift.on_call, Shift.id != shift.id)
        if not await db.scalar(others):
            return False
        shift.on_call = False
        return True

    return await run_transaction(database, work)
