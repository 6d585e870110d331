"""Reads from the primary, for what a replica may not know yet, such as a revocation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from .session import Database


@asynccontextmanager
async def primary_scope(database: Database) -> AsyncIterator[AsyncSession]:
    """Like `read_scope`, but never from `DATABASE_READ_URL`."""
    async with database._read_session(bind=database._bind) as db:
        yield db
