"""Rows for tests. A test passes the values it is about; all others are valid, and differ for each row."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from ${package}.${domain}.models import ${", ".join([Model, *(field.enum for field in entity.enums)])}

% for target in entity.targets:
from ..${target.domain}.factories import new_${target.singular}
% endfor

numbers = count(1)


def new_${singular}(**values: Any) -> ${Model}:
    % if any("number" in field.kind.sample for field in entity.fields):
    number = next(numbers)
    % endif
    % for field in entity.references:
    % if not field.nullable:
    if "${field.column}" not in values:
        values.setdefault("${field.name}", new_${field.target.singular}())
    % endif
    % endfor
    defaults = {
        % if owned:
        "owner": "tester",
        % endif
        % for field in entity.fields:
        % if field.kind.sample:
        "${field.column}": ${field.kind.sample},
        % endif
        % endfor
    }
    return ${Model}(**defaults | values)
