"""Error responses as RFC 9457 problem documents, the default format."""

from collections.abc import Callable
from http.client import responses
from typing import Any, TypeAlias

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from .errors import ErrorResponse

MEDIA_TYPE = "application/problem+json"

Respond: TypeAlias = Callable[[ErrorResponse], Response]
"""Builds the HTTP response for an error, in any format."""


class Problem(BaseModel):
    """An error. `constraint` names the violated constraint, and `errors` lists the values that failed validation.

    `request_id` identifies the log lines of a server error.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "detail": "A row with this value already exists.",
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
    request_id: str | None = None


def problem(error: ErrorResponse, **members: Any) -> JSONResponse:
    """A problem document, with `members` as its extension members."""
    body = {
        "type": "about:blank",
        "title": responses.get(error.status, "Error"),
        "status": error.status,
        "detail": error.detail,
    }
    if error.constraint is not None:
        body["constraint"] = error.constraint
    if error.errors is not None:
        body["errors"] = error.errors
    return JSONResponse(body | members, error.status, error.headers, MEDIA_TYPE)
