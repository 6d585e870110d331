"""The layer as FastAPI sees it. A handler's session ends, and commits, before the response is sent."""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncSession

from .session import Database


async def get_database(connection: HTTPConnection) -> Database:
    """For streams, websockets and background tasks: they outlive the request's session and open their own."""
    return cast(Database, connection.app.state.database)


async def get_db(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """One transaction for each request: committed when the handler returns, rolled back when it raises."""
    database: Database = connection.app.state.database
    async with database.session_scope() as db:
        yield db


async def get_read_db(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """Reads in one round trip each. Refuses to write."""
    database: Database = connection.app.state.database
    async with database.read_scope() as db:
        yield db


CurrentDatabase = Annotated[Database, Depends(get_database)]
# Without scope="function", the commit would come after the response: a failed one would be a 201 and no row.
DbSession = Annotated[AsyncSession, Depends(get_db, scope="function")]
ReadSession = Annotated[AsyncSession, Depends(get_read_db, scope="function")]
