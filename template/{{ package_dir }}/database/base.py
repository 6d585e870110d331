"""What every model is made of."""

from datetime import datetime
from typing import Annotated, TypeAlias

from annotated_types import Ge, Lt
from sqlalchemy import BigInteger, DateTime, Identity, MetaData, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

# Constraints need names: errors tell them to clients, and a migration can only drop what has one.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {datetime: DateTime(timezone=True)}
    # What the server computes on UPDATE comes back by RETURNING: reading it later would need another round trip,
    # and raise MissingGreenlet.
    __mapper_args__ = {"eager_defaults": True}


Key: TypeAlias = Annotated[int, Ge(1), Lt(2**63)]
"""A primary or foreign key, in models, schemas and paths alike."""

PrimaryKey = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]
UpdatedAt = Annotated[datetime, mapped_column(server_default=func.now(), onupdate=func.now())]
