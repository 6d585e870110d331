"""Request and response bodies, separate from how the data is stored."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, Strict, StrictBool
from typing_extensions import TypedDict

from ..database import Key
from ..database.validators import LongText, PlainDate, PlainTime, PlainUUID, Text, Timestamp, WholeNumber
% if entity.enums:
from .models import ${", ".join(field.enum for field in entity.enums)}
% endif

% for field in entity.fields:
% if field.kind.schema.startswith("Annotated["):
${entity.alias(field)} = ${field.kind.schema}
% endif
% endfor


class ${Model}Create(BaseModel):
    % for field in entity.fields:
    ${field.column}: ${entity.alias(field)}${field.null}${" = None" if field.nullable else ""}
    % endfor


class ${Model}Update(TypedDict, total=False):
    """Only the fields that are sent change."""

    % for field in entity.fields:
    ${field.column}: ${entity.alias(field)}${field.null}
    % endfor


class ${Model}Read(BaseModel):
    id: Key
    % for field in entity.fields:
    ${field.column}: ${field.kind.python}${field.null}
    % endfor
    created_at: datetime
    updated_at: datetime
