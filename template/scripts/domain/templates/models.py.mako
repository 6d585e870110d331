from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, Double, Enum, ForeignKey, Index, Numeric
from sqlalchemy import SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..database import Audited, Base, CreatedAt, Key, PrimaryKey, SoftDelete, UpdatedAt
% for target in entity.targets:
from ..${target.domain}.models import ${target.model}
% endfor


% for field in entity.enums:
class ${field.enum}(StrEnum):
    % for value in field.values:
    ${value} = "${value}"
    % endfor


% endfor
class ${Model}(${entity.bases}):
    __tablename__ = "${plural}"
    % if entity.table_args:
    __table_args__ = (${entity.table_args})
    % endif

    id: Mapped[PrimaryKey]
    % if owned:
    owner: Mapped[str] = mapped_column(String(200))
    % endif
    % for field in entity.fields:
    ${field.column}: Mapped[${field.kind.python}${field.null}]${f" = mapped_column({field.mapped_column})" if field.mapped_column else ""}
    % endfor
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]
    % if entity.references:

    % endif
    % for field in entity.references:
    ${field.name}: ${entity.relationship(field, field.target)}
    % endfor
