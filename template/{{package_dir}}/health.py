"""Probes: whether the process runs, and whether it can serve."""

import logging

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.exc import SQLAlchemyError

from .database.dependencies import CurrentDatabase
from .errors import error_responses

logger = logging.getLogger(__name__)
router = APIRouter(tags=["health"])
PROBES = frozenset({"/livez", "/readyz"})


@router.get("/livez")
@router.head("/livez", include_in_schema=False)
async def live() -> dict[str, str]:
    """Whether the process answers. It never checks the database, because restarting the service would not fix it."""
    return {"status": "live"}


@router.get("/readyz", responses=error_responses(503))
@router.head("/readyz", include_in_schema=False)
async def ready(request: Request, database: CurrentDatabase) -> dict[str, str]:
    """Whether the process is not about to stop, and the database answers within `DATABASE_READINESS_TIMEOUT`."""
    if request.app.state.shutdown.requested:
        raise HTTPException(503, "The service is stopping.")
    try:
        await database.ping()
    except (SQLAlchemyError, TimeoutError) as error:
        logger.error("Not ready: %r", error)
        raise HTTPException(503, "The database is not available.") from None
    return {"status": "ready"}
