from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel
from shop.database import Base, CreatedAt, Key, Page, PrimaryKey, keyset_page
from shop.database.dependencies import Cursor, Limit, ReadSession
from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped

router = APIRouter()


class Event(Base):
    __tablename__ = "events"
    __table_args__ = (Index(None, "created_at", "id"),)  # read backwards for the newest first

    id: Mapped[PrimaryKey]
    created_at: Mapped[CreatedAt]


class EventRead(BaseModel):
    id: Key
    created_at: datetime


@router.get("/events", response_model=Page[EventRead])
async def list_events(db: ReadSession, cursor: Cursor = None, limit: Limit = 20) -> Page[Event]:
    """Newest first. `created_at` alone is not unique, so the order ends with `id`."""
    return await keyset_page(
        db, select(Event), (Event.created_at, Event.id), cursor=cursor, limit=limit, descending=True
    )
