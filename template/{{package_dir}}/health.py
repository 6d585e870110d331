"""Is this process alive, and can it serve?"""

import logging

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from .database.dependencies import CurrentDatabase
from .database.handlers import problem
from .problems import problem_responses

logger = logging.getLogger(__name__)
router = APIRouter(tags=["health"])


@router.get("/livez")
async def live() -> dict[str, str]:
    """Whether the process answers. It never asks the database: a restart would not mend that."""
    return {"status": "live"}


@router.get("/readyz", response_model=dict[str, str], responses=problem_responses(503))
async def ready(database: CurrentDatabase) -> dict[str, str] | JSONResponse:
    """Whether the database answers, within `DATABASE_READINESS_TIMEOUT`."""
    try:
        await database.ping()
    except (SQLAlchemyError, TimeoutError) as error:
        logger.error("Not ready: %r", error)
        return problem(503, "The database is not available.")
    return {"status": "ready"}
