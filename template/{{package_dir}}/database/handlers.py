"""Database errors as HTTP responses."""

import logging

from fastapi import FastAPI, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from .errors import ErrorResponse, InvalidCursorError, NotFoundError, database_error_response
from .problems import Respond, problem

logger = logging.getLogger(__name__)


def add_database_error_handlers(app: FastAPI, respond: Respond = problem) -> None:
    """Answer database errors with the responses that `respond` builds, by default problem documents.

    Bugs are raised again, so that the server logs them and the client gets the application's 500.
    """

    @app.exception_handler(SQLAlchemyError)
    async def handle_database_error(request: Request, error: SQLAlchemyError) -> Response:
        response = database_error_response(error)
        if response is None:
            raise error
        # Log the handler's name instead of the path, which contains values and can forge a log line with %0a.
        endpoint = request.scope.get("endpoint")
        name = getattr(endpoint, "__qualname__", endpoint)
        level = logging.ERROR if response.status >= 500 else logging.WARNING
        logger.log(level, "%s %s: %d %s", request.scope.get("method"), name, response.status, error)
        return respond(response)

    @app.exception_handler(NotFoundError)
    async def handle_not_found(_: Request, error: NotFoundError) -> Response:
        return respond(ErrorResponse(404, str(error)))

    @app.exception_handler(InvalidCursorError)
    async def handle_invalid_cursor(_: Request, __: InvalidCursorError) -> Response:
        return respond(ErrorResponse(422, "The cursor does not belong to this list. Start again without a cursor."))
