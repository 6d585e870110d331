from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from shop.database.errors import ErrorResponse
from shop.errors import add_exception_handlers

# The field that a client should change, by the constraint that refused its value.
FIELDS = {
    "uq_books_isbn": "isbn",
    "fk_books_author_id_authors": "author_id",
    "ck_books_pages_positive": "pages",
}


class FieldErrors(BaseModel):
    """Messages by field. Those about the request as a whole are in `request`."""

    errors: dict[str, list[str]]


def errors_by_field(error: ErrorResponse) -> JSONResponse:
    messages: dict[str, list[str]] = {}
    for item in error.errors or []:
        field = str(item["loc"][-1]) if len(item["loc"]) > 1 else "request"
        messages.setdefault(field, []).append(item["msg"])
    if not messages:
        field = FIELDS.get(error.constraint or "", "request")
        messages[field] = [error.detail]
    return JSONResponse({"errors": messages}, error.status, error.headers)


def format_errors(app: FastAPI) -> None:
    """Call this in `create_app` in place of `add_exception_handlers(app)`."""
    add_exception_handlers(app, errors_by_field, FieldErrors, "application/json")
