"""Sessions on the primary in AUTOCOMMIT: one round trip for each statement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from .connection_quota import QuotaSession
from .read_session import start_autocommit
from .session import Database


@asynccontextmanager
async def primary_scope(database: Database) -> AsyncIterator[AsyncSession]:
    """Like `read_scope`, but never from `DATABASE_READ_URL`: a replica may not know yet what is read, such as a revocation."""
    async with database._read_session(bind=database._bind) as db:
        yield db


class AutocommitSession(QuotaSession):
    in_autocommit = False


event.listen(AutocommitSession, "after_begin", start_autocommit)


@asynccontextmanager
async def autocommit_scope(database: Database) -> AsyncIterator[AsyncSession]:
    """Like `session_scope`, but each statement commits on its own. In a test's transaction, they commit together."""
    async with database._session(sync_session_class=AutocommitSession) as db:
        yield db
        await db.commit()
