"""Keys: numbers that the database gives."""

from typing import Annotated, TypeAlias

from annotated_types import Ge, Lt
from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import mapped_column

Key: TypeAlias = Annotated[int, Ge(1), Lt(2**63)]
"""A primary or foreign key, in models, schemas and paths alike."""

PrimaryKey = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
