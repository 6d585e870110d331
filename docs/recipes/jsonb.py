from collections.abc import Sequence
from typing import Any

from shop.database import Base, Key, PrimaryKey
from sqlalchemy import Index, String, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.mutable import MutableDict, MutableList
from sqlalchemy.orm import Mapped, mapped_column


class Device(Base):
    __tablename__ = "devices"
    __table_args__ = (
        # Half the size of the default operator class, and enough for @>.
        Index("ix_devices_details", "details", postgresql_using="gin", postgresql_ops={"details": "jsonb_path_ops"}),
        Index("ix_devices_tags", "tags", postgresql_using="gin"),
    )

    id: Mapped[PrimaryKey]
    # Without Mutable, `device.details["room"] = 1` is not detected and not written.
    details: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(JSONB()), server_default="{}")
    tags: Mapped[list[str]] = mapped_column(MutableList.as_mutable(ARRAY(String)), server_default="{}")


async def in_room(db: AsyncSession, room: str) -> Sequence[Device]:
    """Find by containment, which uses the index. `details["room"].astext == room` scans the whole table."""
    return (await db.scalars(select(Device).where(Device.details.contains({"room": room})))).all()


async def with_all_tags(db: AsyncSession, tags: list[str]) -> Sequence[Device]:
    return (await db.scalars(select(Device).where(Device.tags.contains(tags)))).all()


async def move(db: AsyncSession, device_id: Key, room: str) -> None:
    """Change one key of the document without reading it and without overwriting other keys."""
    details = func.jsonb_set(Device.details, array(["room"]), func.to_jsonb(room, type_=JSONB))
    await db.execute(update(Device).where(Device.id == device_id).values(details=details))
