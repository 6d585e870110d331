import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse
from shop.database import Base, Key, PrimaryKey
from shop.database.dependencies import CurrentDatabase
from shop.shutdown import Stopping
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

router = APIRouter()
POLL_INTERVAL = 1.0


class Import(Base):
    __tablename__ = "imports"

    id: Mapped[PrimaryKey]
    percent: Mapped[int] = mapped_column(default=0)


@router.get("/imports/{import_id}/progress", response_class=EventSourceResponse)
async def stream_progress(import_id: Key, database: CurrentDatabase, stopping: Stopping) -> AsyncIterator[int]:
    percent = 0
    while percent < 100 and not stopping.is_set():
        async with database.read_scope() as db:
            percent = await db.scalar(select(Import.percent).where(Import.id == import_id)) or 0
        yield percent
        # Sleep, but no longer than the service runs.
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), POLL_INTERVAL)
