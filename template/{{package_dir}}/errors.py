"""Errors as HTTP responses, all in one format, and the same format in OpenAPI."""

from http.client import responses
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from .database.errors import ErrorResponse
from .database.handlers import add_database_error_handlers
from .database.problems import MEDIA_TYPE, Problem, Respond, problem
from .logs import current_request


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may respond with these statuses. `add_exception_handlers` adds their schema."""
    return {status: {"description": responses[status]} for status in statuses}


def respond_with_problem(error: ErrorResponse) -> Response:
    """Build a problem document. For a 5xx, it contains the request ID, which is also in the request's log lines."""
    request = current_request.get()
    if request is not None and error.status >= 500:
        return problem(error, request_id=request.id)
    return problem(error)


def add_exception_handlers(
    app: FastAPI,
    respond: Respond = respond_with_problem,
    model: type[BaseModel] = Problem,
    media_type: str = MEDIA_TYPE,
) -> None:
    """Answer every error with what `respond` builds. OpenAPI documents it as `model` with `media_type`."""
    add_database_error_handlers(app, respond)
    document_errors(app, model, media_type)

    @app.exception_handler(HTTPException)
    async def handle_http_exception(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if not is_body_allowed_for_status_code(error.status_code):
            return Response(status_code=error.status_code, headers=headers)
        if error.status_code == 405 and (methods := allowed_methods(request)):
            headers["Allow"] = ", ".join(methods)
        return respond(ErrorResponse(error.status_code, str(error.detail), headers=headers))

    @app.exception_handler(RequestValidationError)
    async def handle_invalid_request(_: Request, error: RequestValidationError) -> Response:
        # Leave out the input, which may be long, secret, or impossible to encode as JSON.
        errors = [{"loc": item["loc"], "msg": item["msg"], "type": item["type"]} for item in error.errors()]
        return respond(ErrorResponse(422, "The request is invalid.", errors=jsonable_encoder(errors)))

    @app.exception_handler(Exception)
    async def handle_unexpected_error(_: Request, __: Exception) -> Response:
        # The server logs the exception. A client learns nothing about it.
        return respond(ErrorResponse(500, "An unexpected error occurred."))


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes with this path. Starlette names only those of the first."""
    contexts = iter_route_contexts(request.app.routes)
    matching = [context for context in contexts if context.matches(request.scope)[0] != Match.NONE]
    return sorted({method for context in matching for method in context.methods or ()})


def document_errors(app: FastAPI, model: type[BaseModel], media_type: str) -> None:
    """Add `model` to every documented error. In `responses`, FastAPI would document it as application/json."""
    make_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        schema = make_openapi()
        definition = model.model_json_schema(ref_template="#/components/schemas/{model}")
        definitions = definition.pop("$defs", {}) | {model.__name__: definition}
        schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions)
        content = {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
        for path in schema["paths"].values():
            for operation in path.values():
                documented = operation["responses"]
                if "requestBody" in operation:  # the body may be invalid UTF-8, or too long
                    for status in ("400", "413"):
                        documented.setdefault(status, {"description": responses[int(status)]})
                for status, response in documented.items():
                    if status >= "400":
                        response.setdefault("content", content)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
