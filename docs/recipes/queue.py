import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from shop.database import Base, CreatedAt, Database, PrimaryKey
from sqlalchemy import Index, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

logger = logging.getLogger(__name__)


class Task(Base):
    __tablename__ = "tasks"
    __table_args__ = (Index(None, "run_at", "id"),)

    id: Mapped[PrimaryKey]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    failures: Mapped[int] = mapped_column(server_default="0")
    run_at: Mapped[CreatedAt]  # now, unless you say when


Handler = Callable[[AsyncSession, dict[str, Any]], Awaitable[None]]


async def work_once(database: Database, handle: Handler) -> bool:
    """Do the oldest due task that no other worker holds. Return False when there is none.

    Committing the work deletes the task. When a worker dies, its lock is released, and another takes the task.
    """
    due = select(Task).where(Task.run_at <= func.now()).order_by(Task.run_at, Task.id)
    async with database.session_scope() as db:
        task = await db.scalar(due.limit(1).with_for_update(skip_locked=True))
        if task is None:
            return False
        try:
            async with db.begin_nested():  # what a handler did before it failed is undone
                await handle(db, task.payload)
                await db.delete(task)
        except Exception:
            logger.exception("Task %s failed", task.id)
            task.failures += 1
            # Back off, so that a task that always fails does not stay the oldest.
            task.run_at = func.now() + timedelta(seconds=min(2**task.failures, 3600))
        return True


async def work(database: Database, handle: Handler, pause: float = 1) -> None:
    """Work until cancelled. Start one for each connection that the pool can spare."""
    while True:
        if not await work_once(database, handle):
            await asyncio.sleep(pause)
