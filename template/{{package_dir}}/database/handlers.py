"""Database errors as HTTP answers: RFC 9457 problem documents."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from .errors import InvalidCursorError, NotFoundError, describe

logger = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    app.exception_handler(SQLAlchemyError)(answer_database_error)
    app.exception_handler(NotFoundError)(answer_not_found)
    app.exception_handler(InvalidCursorError)(answer_invalid_cursor)


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **members: Any) -> JSONResponse:
    """A problem document. `members` are its extension members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def answer_database_error(request: Request, error: SQLAlchemyError) -> JSONResponse:
    response = describe(error)
    if response is None:
        raise error
    # The log is the one place that has the SQL and the values.
    logger.log(
        logging.ERROR if response.status >= 500 else logging.INFO, "%s %s: %s", request.method, request.url, error
    )
    return problem(
        response.status,
        response.detail,
        {"Retry-After": str(response.retry_after)} if response.retry_after else None,
        **({"constraint": response.constraint} if response.constraint else {}),
    )


async def answer_not_found(_: Request, error: NotFoundError) -> JSONResponse:
    return problem(404, str(error))


async def answer_invalid_cursor(_: Request, error: InvalidCursorError) -> JSONResponse:
    return problem(422, "The cursor is not one of this list. Start again without a cursor.")
