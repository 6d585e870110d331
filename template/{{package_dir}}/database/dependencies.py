"""FastAPI dependencies. A handler's session ends, and commits, before the response is sent."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, cast

from annotated_types import Ge, Le
from fastapi import Depends, Query
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncSession

from .connection_quota import request_quota
from .session import Database
from .validators import Digits


async def get_database(connection: HTTPConnection) -> Database:
    """For streams, websockets and background tasks, which outlive the request's session and open their own."""
    return cast(Database, connection.app.state.database)


async def get_db(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """One transaction per request: commits when the handler returns, rolls back when it raises."""
    database: Database = connection.app.state.database
    with request_quota(connection.scope):
        async with database.session_scope() as db:
            yield db


async def get_read_db(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """A session that reads in one round trip per query, holds no connection in between, and refuses to write."""
    database: Database = connection.app.state.database
    with request_quota(connection.scope):
        async with database.read_scope() as db:
            yield db


CurrentDatabase = Annotated[Database, Depends(get_database)]
# Without scope="function" the commit would run after the response, so a failed commit could follow a 201.
DbSession = Annotated[AsyncSession, Depends(get_db, scope="function")]
ReadSession = Annotated[AsyncSession, Depends(get_read_db, scope="function")]


def writes(repository: Callable[[AsyncSession], object]) -> Any:
    """Depend on a repository, or another class that takes a session, in the request's transaction.

    Books = Annotated[BookRepository, writes(BookRepository)]
    """

    # A coroutine function, because FastAPI would call the class itself in a thread.
    async def dependency(db: DbSession) -> object:
        return repository(db)

    return Depends(dependency)


def reads(repository: Callable[[AsyncSession], object]) -> Any:
    """Depend on a repository that only reads: one round trip per query.

    ReadBooks = Annotated[BookRepository, reads(BookRepository)]
    """

    async def dependency(db: ReadSession) -> object:
        return repository(db)

    return Depends(dependency)


Cursor = Annotated[str | None, Query(description="`next_cursor` of the previous page.")]
Limit = Annotated[int, Ge(1), Le(100), Digits, Query(description="The most items on a page.")]
# PostgreSQL gets it as an INTEGER.
Offset = Annotated[int, Ge(0), Le(2**31 - 1), Digits, Query(description="How many items to skip.")]
