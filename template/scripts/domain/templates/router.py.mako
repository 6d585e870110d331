<%
    article = "an" if Model[0] in "AEIOU" else "a"
    def guard(action):
        return f', dependencies=[allows("{plural}:{action}")]' if auth and not owned else ""
    reader, writer = (f"principal: {Model}{role}, " if owned else "" for role in ("Reader", "Writer"))
    get = f"{plural}.of(principal.subject, {singular}_id)" if owned else f"{plural}.get({singular}_id)"
    path = f'"/{plural}", tags=["{plural}"]'
    path_of_one = f'"/{plural}/' + "{" + f'{singular}_id' + "}" + f'", tags=["{plural}"]'
    conflict = ", 409" if entity.unique or entity.references else ""
    created = ", 404" * bool(entity.checked) + conflict
    checked_targets = {field.target.plural: field.target for field in entity.checked if field.target != entity.own}.values()
    others = "".join(f", {target.plural}: {camel(target.plural)}" for target in checked_targets)
%>\
from typing import Annotated

from fastapi import APIRouter

% if auth:
from ..auth import Principal, allows
% endif
from ..database import Key, Page
from ..database.dependencies import Cursor, Limit
from ..database.validators import Search
from ..errors import error_responses
% for target in checked_targets:
from ${"." if target.domain == domain else f"..{target.domain}."}repository import ${camel(target.plural)}
% endfor
from .models import ${", ".join([Model, *(field.enum for field in entity.enums)])}
from .repository import ${Plural}, Read${Plural}
from .schemas import ${Model}Create, ${Model}Read, ${Model}Update

router = APIRouter()

% if owned:
${Model}Reader = Annotated[Principal, allows("${plural}:read")]
${Model}Writer = Annotated[Principal, allows("${plural}:write")]

% endif

@router.post(${path}, status_code=201, response_model=${Model}Read${guard("write")}${f", responses=error_responses({created[2:]})" if created else ""})
async def create_${singular}(values: ${Model}Create, ${writer}${plural}: ${Plural}${others}) -> ${Model}:
    % for field in entity.checked:
    % if field.nullable:
    if values.${field.column} is not None:
        await ${field.target.plural}.of(principal.subject, values.${field.column})
    % else:
    await ${field.target.plural}.of(principal.subject, values.${field.column})
    % endif
    % endfor
    return await ${plural}.add(${Model}(${"owner=principal.subject, " if owned else ""}**values.model_dump()))


@router.get(${path}, response_model=Page[${Model}Read]${guard("read")})
async def list_${plural}(
    ${reader}${plural}: Read${Plural}, ${"".join(f"{field.column}: {'Search' if field is entity.title else field.kind.python} | None = None, " for field in entity.filters)}cursor: Cursor = None, limit: Limit = 20
) -> Page[${Model}]:
    % if entity.title:
    """${label(plural).capitalize()} by ${label(entity.title.name)}. With `${entity.title.name}`, those whose ${label(entity.title.name)} contains it."""
    % else:
    """${label(plural).capitalize()} in the order of their creation."""
    % endif
    return await ${plural}.search(${"owner=principal.subject, " if owned else ""}${"".join(f"{field.column}={field.column}, " for field in entity.filters)}cursor=cursor, limit=limit)


@router.get(${path_of_one}, response_model=${Model}Read${guard("read")}, responses=error_responses(404))
async def read_${singular}(${singular}_id: Key, ${reader}${plural}: Read${Plural}) -> ${Model}:
    return await ${get}


@router.patch(${path_of_one}, response_model=${Model}Read${guard("write")}, responses=error_responses(404${conflict}))
async def update_${singular}(${singular}_id: Key, changes: ${Model}Update, ${writer}${plural}: ${Plural}${others}) -> ${Model}:
    % for field in entity.checked:
    if (${field.column} := changes.get("${field.column}")) is not None:
        await ${field.target.plural}.of(principal.subject, ${field.column})
    % endfor
    return await ${plural}.update(await ${get}, changes)


@router.delete(${path_of_one}, status_code=204${guard("write")}, responses=error_responses(404))
async def delete_${singular}(${singular}_id: Key, ${writer}${plural}: ${Plural}) -> None:
    await ${plural}.delete(await ${get})
