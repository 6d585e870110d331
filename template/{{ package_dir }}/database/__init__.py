"""The database layer. It imports nothing of the application; FastAPI meets it in `dependencies` and `handlers`."""

from .base import Base, CreatedAt, Key, PrimaryKey, UpdatedAt
from .errors import DatabaseUnavailable, InvalidCursorError, NotFoundError
from .pagination import Page, keyset_page
from .repository import Repository
from .retry import run_transaction
from .session import Database, close_db, init_db
from .settings import DatabaseSettings

__all__ = [
    "Base",
    "CreatedAt",
    "Database",
    "DatabaseSettings",
    "DatabaseUnavailable",
    "InvalidCursorError",
    "Key",
    "NotFoundError",
    "Page",
    "PrimaryKey",
    "Repository",
    "UpdatedAt",
    "close_db",
    "init_db",
    "keyset_page",
    "run_transaction",
]
