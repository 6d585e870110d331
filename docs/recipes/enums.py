from collections.abc import Sequence
from enum import StrEnum

from shop.database import Base, PrimaryKey
from sqlalchemy import CheckConstraint, Enum, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class ParcelState(StrEnum):
    packed = "packed"
    sent = "sent"
    received = "received"


class Parcel(Base):
    __tablename__ = "parcels"
    __table_args__ = (
        # Written here, so that autogenerate detects a change.
        CheckConstraint("state IN ('packed', 'sent', 'received')", "state_known"),
    )

    id: Mapped[PrimaryKey]
    state: Mapped[ParcelState] = mapped_column(
        # A varchar that stores the values. A native ENUM would store Python's names and survive a downgrade.
        Enum(ParcelState, native_enum=False, length=20, values_callable=lambda enum: [member.value for member in enum]),
        server_default=ParcelState.packed,
    )


async def on_their_way(db: AsyncSession) -> Sequence[Parcel]:
    return (await db.scalars(select(Parcel).where(Parcel.state == ParcelState.sent))).all()
