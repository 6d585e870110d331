"""Errors as RFC 9457 problem documents: one shape for all of them."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from .database.handlers import add_error_handlers, problem


class Problem(BaseModel):
    """An error. `constraint` names what the database refused, `errors` the values that did not validate."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "detail": "A row with this value exists already.",
                "constraint": "uq_books_isbn",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    constraint: str | None = None
    errors: list[dict[str, Any]] | None = None


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these problems."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def add_problem_handlers(app: FastAPI) -> None:
    add_error_handlers(app)
    make_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        # With `model=Problem` in the responses, FastAPI would say that they are application/json.
        schema = make_openapi()
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
    app.exception_handler(HTTPException)(answer_http_exception)
    app.exception_handler(RequestValidationError)(answer_invalid_request)
    app.exception_handler(Exception)(answer_unexpected_error)


async def answer_http_exception(_: Request, error: HTTPException) -> JSONResponse:
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


async def answer_invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
    # Without the input: it may be long, secret, or not even valid in JSON.
    errors = [{"loc": item["loc"], "msg": item["msg"], "type": item["type"]} for item in error.errors()]
    return problem(422, "The request is not valid.", errors=jsonable_encoder(errors))


async def answer_unexpected_error(_: Request, __: Exception) -> JSONResponse:
    # The server logs the exception; a client learns nothing of it.
    return problem(500, "Something went wrong here.")
