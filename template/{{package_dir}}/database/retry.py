"""Retry a whole transaction on a serialization failure or a deadlock."""

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
    """Run `work` in its own transaction, and retry all of it on a serialization failure or a deadlock.

    `work` receives a new session each time and must have no effect outside it. Raises the last DBAPIError after
    `attempts` tries, which becomes a 503 over HTTP, and ValueError if `attempts` is less than 1.
    """
    for attempt in range(attempts):
        try:
            async with database.session_scope(isolation_level) as db:
                return await work(db)
        except DBAPIError as error:
            if attempt + 1 == attempts or sqlstate(error) not in RETRYABLE:
                raise
        # Random, so that transactions that collided do not collide again.
        await asyncio.sleep(random.uniform(0, min(FIRST_DELAY * 2**attempt, LONGEST_DELAY)))
    raise ValueError("attempts must be at least 1")
