"""Every domain's models in one import, so that Base.metadata is whole: for Alembic and for the tests."""

from .books import models as books

__all__ = [
    "books",
    # Yours:
]
