"""Primary keys: time-ordered UUIDs (RFC 9562, version 7), so that new rows are adjacent in the index."""

import re
import sys
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import BeforeValidator, Strict
from sqlalchemy import Uuid
from sqlalchemy.orm import mapped_column

if sys.version_info >= (3, 14):
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7


def parse_uuid(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return UUID(value)
    return value


Key: TypeAlias = Annotated[UUID, BeforeValidator(parse_uuid), Strict()]
"""A primary or foreign key, in models, schemas and paths alike."""

PrimaryKey = Annotated[UUID, mapped_column(Uuid, default=uuid7, primary_key=True)]
