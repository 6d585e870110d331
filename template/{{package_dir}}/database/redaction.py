"""Keep row values out of error messages, and therefore out of logs. `DATABASE_LOG_VALUES` shows them."""

from typing import Any

import asyncpg
from sqlalchemy.engine import ExceptionContext

from .sqlstates import SQLStateClass

HIDDEN = "the message is hidden, because it may quote a value. DATABASE_LOG_VALUES=true shows it."


def hide_values(context: ExceptionContext) -> None:
    """Remove the values that PostgreSQL quotes. `hide_parameters` hides only what SQLAlchemy adds."""
    wrapper: Any = context.original_exception
    wrapped: Any = context.sqlalchemy_exception
    error = wrapper.__cause__
    if not isinstance(error, asyncpg.PostgresError):
        return
    error.detail = None
    if str(error.sqlstate).startswith((SQLStateClass.DATA_EXCEPTION, SQLStateClass.PL_PGSQL_ERROR)):
        shown = str(error.args[0])
        error.args, error.hint, error.__cause__ = (HIDDEN,), None, None
        for copy in (wrapper, wrapped):
            copy.args = (str(copy.args[0]).replace(shown, HIDDEN), *copy.args[1:])
