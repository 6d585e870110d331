from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from shop.database import Base, CreatedAt, Key, Page, PrimaryKey, keyset_page
from shop.database.dependencies import ReadSession
from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped

router = APIRouter()


class Event(Base):
    __tablename__ = "events"
    __table_args__ = (Index(None, "created_at", "id"),)  # read backwards for the newest first

    id: Mapped[PrimaryKey]
    created_at: Mapped[CreatedAt]


class EventRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: Key
    created_at: datetime


@router.get("/events", response_model=Page[EventRead])
async def list_events(
    db: ReadSession, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> Page[Event]:
    """Newest first. `created_at` alone is not unique, so the order ends with `id`."""
    return await keyset_page(
        db, select(Event), (Event.created_at, Event.id), cursor=cursor, limit=limit, descending=True
    )
