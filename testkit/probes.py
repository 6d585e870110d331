"""Routes that the faults need and no service has. Copied into a rendered package, and read by nobody from here."""

# mypy: ignore-errors
# The relative imports are those of the package that it is copied into.

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import anyio
from fastapi import APIRouter, Body, Depends, Header, Request, WebSocket
from fastapi.sse import EventSourceResponse
from sqlalchemy import text

from .database.dependencies import CurrentDatabase, DbSession, ReadSession
from .shutdown import Stopping

router = APIRouter()

SLEEP = text("SELECT pg_sleep(:seconds)")


@router.get("/sleep/write")
async def sleep_in_transaction(db: DbSession, seconds: float) -> None:
    await db.execute(SLEEP, {"seconds": seconds})


@router.get("/sleep/read")
async def sleep_in_autocommit(db: ReadSession, seconds: float) -> None:
    await db.execute(SLEEP, {"seconds": seconds})


@router.post("/hold", status_code=201)
async def hold(db: DbSession, seconds: float) -> None:
    """A row, a pause without a statement, and the COMMIT."""
    await db.execute(text("INSERT INTO authors (name) VALUES ('held')"))
    await asyncio.sleep(seconds)


@router.get("/limit/asyncio/{scope}")
async def limit_by_asyncio(database: CurrentDatabase, scope: str) -> str:
    try:
        async with asyncio.timeout(0.5), getattr(database, scope)() as db:
            await db.execute(SLEEP, {"seconds": 60})
    except TimeoutError:
        return "gave up"


@router.get("/limit/anyio/{scope}")
async def limit_by_anyio(database: CurrentDatabase, scope: str) -> str:
    with anyio.move_on_after(0.5):
        async with getattr(database, scope)() as db:
            await db.execute(SLEEP, {"seconds": 60})
    return "gave up"


@router.get("/literal")
async def read_literal(db: ReadSession) -> None:
    """A statement with values in its text, as nobody should write it."""
    await db.execute(text("SELECT title FROM books WHERE title = 's3cret' AND pages = 4711 -- s3cret"))


@router.get("/bug")
async def bug(db: ReadSession) -> None:
    await db.execute(text("SELECT :value"), {"value": "s3cret"})
    raise RuntimeError("s3cret")


@router.get("/invalid-response", response_model=dict[str, int])
async def invalid_response() -> dict[str, str]:
    return {"pages": "s3cret"}


@router.get("/log/{value}")
async def log(value: str, header: Annotated[str, Header()] = "") -> None:
    """An application that logs what a client sent."""
    logging.getLogger(__name__).warning("Seen: %s, %s", value, header, extra={"seen": value})


@router.websocket("/socket/{value}")
async def socket(value: str, websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(value)
    await websocket.close()


@router.get("/events", response_class=EventSourceResponse)
async def stream_events(stopping: Stopping) -> AsyncIterator[str]:
    """One event, and nothing more for an hour."""
    yield "started"
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), 3600)
    yield "stopping"


@router.get("/client")
async def show_client(request: Request) -> dict[str, str]:
    return {"address": request.client.host, "scheme": request.url.scheme}


@router.get("/checked-out")
async def checked_out(database: CurrentDatabase) -> int:
    return database.engine.pool.checkedout()


async def current_user(db: ReadSession) -> int:
    """What every service with logins depends on."""
    return await db.scalar(text("SELECT 1"))


CurrentUser = Annotated[int, Depends(current_user)]


@router.get("/user-first")
async def write_for_user(user: CurrentUser, db: DbSession) -> None:
    await db.execute(text("INSERT INTO authors (name) VALUES ('user first')"))


@router.get("/session-first")
async def write_before_user(db: DbSession, user: CurrentUser) -> None:
    await db.execute(text("INSERT INTO authors (name) VALUES ('session first')"))


@router.get("/wait-between-reads")
async def wait_between_reads(db: ReadSession, seconds: float) -> None:
    """Waits for another service, as it were."""
    await db.execute(text("SELECT 1"))
    await asyncio.sleep(seconds)
    await db.execute(text("SELECT 1"))


@router.post("/forget")
async def forget_the_author(db: DbSession, title: Annotated[str, Body(embed=True)]) -> None:
    await db.execute(text("INSERT INTO books (title, isbn, pages) VALUES (:title, '1', 1)"), {"title": title})


@router.get("/cluster-name/{scope}")
async def show_cluster_name(database: CurrentDatabase, scope: str) -> str:
    """Which server answers, where each has a name."""
    async with getattr(database, scope)() as db:
        return await db.scalar(text("SELECT current_setting('cluster_name')"))
