import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shop.database import Base, CreatedAt, Database, PrimaryKey
from sqlalchemy import Index, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Task(Base):
    __tablename__ = "tasks"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: Mapped[PrimaryKey]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]


Handler = Callable[[AsyncSession, dict[str, Any]], Awaitable[None]]


async def work_once(database: Database, handle: Handler) -> bool:
    """Do the oldest task that no other worker holds. Returns False when there is none.

    The task is gone when its work is committed. When the worker dies, its lock goes with it, and the next one finds it.
    """
    async with database.session_scope() as db:
        oldest = select(Task).order_by(Task.created_at, Task.id).limit(1).with_for_update(skip_locked=True)
        task = await db.scalar(oldest)
        if task is None:
            return False
        await handle(db, task.payload)
        await db.delete(task)
        return True


async def work(database: Database, handle: Handler, pause: float = 1) -> None:
    """Until cancelled. Start one for each connection that the pool can spare."""
    while True:
        if not await work_once(database, handle):
            await asyncio.sleep(pause)
