"""Units of work that other transactions may undo: done again, as a whole."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from .errors import sqlstate
from .session import Database
from .sqlstates import SQLState

T = TypeVar("T")

RETRYABLE = (SQLState.SERIALIZATION_FAILURE, SQLState.DEADLOCK_DETECTED)
FIRST_DELAY = 0.01
LONGEST_DELAY = 0.5


async def run_transaction(
    database: Database,
    work: Callable[[AsyncSession], Awaitable[T]],
    *,
    isolation_level: str = "SERIALIZABLE",
    attempts: int = 10,
) -> T:
    """Run `work` in a transaction of its own, and again when PostgreSQL says that it came between others.

    `work` gets a new session each time and must have no effect outside of it. Raises the last DBAPIError after
    `attempts` tries: over HTTP a 503.
    """
    for attempt in range(attempts):
        try:
            async with database.session_scope(isolation_level) as db:
                return await work(db)
        except DBAPIError as error:
            if attempt + 1 == attempts or sqlstate(error) not in RETRYABLE:
                raise
        # At random, so that those who collided do not meet again.
        await asyncio.sleep(random.uniform(0, min(FIRST_DELAY * 2**attempt, LONGEST_DELAY)))
    raise ValueError("attempts must be at least 1")
