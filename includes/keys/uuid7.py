"""Primary keys: time-ordered UUIDs (RFC 9562, version 7), so that new rows are adjacent in the index."""

import sys
from typing import Annotated, TypeAlias
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import mapped_column

from .validators import PlainUUID

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7


Key: TypeAlias = PlainUUID
"""A primary or foreign key, in models, schemas and paths alike."""

PrimaryKey = Annotated[UUID, mapped_column(Uuid, default=uuid7, primary_key=True)]
