<%
    required = [field for field in entity.references if not field.nullable]
    changed = next((field for field in entity.fields if field.kind.change), None)
    change = f'"{changed.column}": {changed.kind.change}' if changed else ""
    keys = ", ".join(f'{field.column}={singular}["{field.column}"]' for field in required)
    one_to_one = [field for field in required if field.unique]
    title = entity.title
%>\
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

% if auth:
from ${package}.auth import Principal
% endif
from ${package}.${domain}.schemas import ${Model}Create

% if auth:
from ..auth.login import As
% endif
from ..errors import assert_error
% for target in entity.targets:
from ..${target.domain}.factories import new_${target.singular}
% endfor
from .factories import ${", ".join(sorted({f"new_{singular}", *(f"new_{field.target.singular}" for field in required if field.target.domain == domain)}))}



def new_body(**values: Any) -> dict[str, Any]:
    return ${Model}Create.model_validate(new_${singular}(**values), from_attributes=True).model_dump(mode="json")


@pytest.fixture
% if required:
async def ${singular}(db: AsyncSession) -> dict[str, Any]:
    % for field in required:
    ${field.name} = new_${field.target.singular}()
    % endfor
    ${f"db.add({required[0].name})" if len(required) == 1 else f"db.add_all([{', '.join(field.name for field in required)}])"}
    await db.commit()
    return new_body(${", ".join(f"{field.column}={field.name}.id" for field in required)})
% else:
def ${singular}() -> dict[str, Any]:
    return new_body()
% endif


async def test_creates_and_reads(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    created = await client.post("/${plural}", json=${singular})
    assert created.status_code == 201
    assert created.json().items() >= ${singular}.items()
    read = await client.get(f"/${plural}/{created.json()['id']}")
    assert read.status_code == 200
    assert read.json() == created.json()


% for field in entity.unique:
% if field.kind.sample or field in required:
async def test_refuses_the_same_${field.name}_twice(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    await client.post("/${plural}", json=${singular})
    % if field.kind.sample:
    same = {"${field.column}": ${singular}["${field.column}"]}
    % endif
    again = await client.post("/${plural}", json=new_body(${keys})${" | same" if field.kind.sample else ""})
    % if one_to_one not in ([], [field]):
    assert again.status_code == 409
    % else:
    assert_error(again, 409, constraint="${entity.constraint(field)}")
    % endif
    assert len((await client.get("/${plural}")).json()["items"]) == 1


% endif
% endfor
% for field in entity.references:
async def test_refuses_an_unknown_${field.name}(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    unknown = ${"2**60" if numbered else '"00000000-0000-0000-0000-000000000000"'}
    answer = await client.post("/${plural}", json=${singular} | {"${field.column}": unknown})
    assert answer.status_code == ${404 if field in entity.checked else 409}


% endfor
% for field in entity.checked:
async def test_refuses_the_${field.name}_of_another_owner(client: AsyncClient, db: AsyncSession, ${singular}: dict[str, Any]) -> None:
    ${field.name} = new_${field.target.singular}(owner="another")
    db.add(${field.name})
    await db.commit()
    changes = {"${field.column}": ${f"{field.name}.id" if numbered else f"str({field.name}.id)"}}
    assert_error(await client.post("/${plural}", json=${singular} | changes), 404)
    created = (await client.post("/${plural}", json=${singular})).json()
    assert_error(await client.patch(f"/${plural}/{created['id']}", json=changes), 404)


% endfor
async def test_pages_and_filters(client: AsyncClient, db: AsyncSession) -> None:
    rows = [new_${singular}() for _ in range(5)]
    db.add_all(rows)
    await db.commit()
    seen, cursor = [], ""
    while cursor is not None:
        page = (await client.get("/${plural}", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(page["items"]) <= 2
        seen += [item["${title.name if title else 'id'}"] for item in page["items"]]
        cursor = page["next_cursor"]
    % if title:
    assert seen == sorted(row.${title.name} for row in rows)
    % else:
    assert seen == sorted(${"row.id" if numbered else "str(row.id)"} for row in rows)
    % endif
    % if title or required:
    filters = {${", ".join(f'"{field.column}": rows[-1].{field.column}' for field in entity.filters if field is title or field in required)}}
    found = (await client.get("/${plural}", params=filters)).json()
    % if title:
    assert [item["${title.name}"] for item in found["items"]] == [rows[-1].${title.name}]
    % else:
    assert len(found["items"]) == 1
    % endif
    % endif


async def test_updates_only_what_is_sent(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    created = (await client.post("/${plural}", json=${singular})).json()
    sent = {${change + ", " if change else ""}"created_at": "2000-01-01T00:00:00Z"}
    updated = await client.patch(f"/${plural}/{created['id']}", json=sent)
    assert updated.status_code == 200
    assert updated.json() == created | {${change + ", " if change else ""}"updated_at": updated.json()["updated_at"]}
    assert (await client.get(f"/${plural}/{created['id']}")).json() == updated.json()


async def test_deletes(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    path = f"/${plural}/{(await client.post('/${plural}', json=${singular})).json()['id']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 404


% if owned:
async def test_another_owner_finds_nothing(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    path = f"/${plural}/{(await client.post('/${plural}', json=${singular})).json()['id']}"
    another = As(Principal("another", frozenset({"${plural}:read", "${plural}:write"})))
    assert (await client.get("/${plural}", auth=another)).json()["items"] == []
    for method in ("GET", "PATCH", "DELETE"):
        assert_error(await client.request(method, path, json={}, auth=another), 404)
    assert (await client.get(path)).status_code == 200


% endif
% if auth:
async def test_needs_permission(client: AsyncClient, ${singular}: dict[str, Any]) -> None:
    path = f"/${plural}/{(await client.post('/${plural}', json=${singular})).json()['id']}"
    nobody = As(Principal("tester"))
    assert_error(await client.post("/${plural}", json=${singular}, auth=nobody), 403)
    assert_error(await client.get("/${plural}", auth=nobody), 403)
    for method in ("GET", "PATCH", "DELETE"):
        assert_error(await client.request(method, path, json={}, auth=nobody), 403)


% endif
@pytest.mark.parametrize(
    "changes",
    [
        % for field in entity.fields:
        % for bad in field.bad:
        {"${field.column}": ${bad}},
        % endfor
        % endfor
    ],
    ids=str,
)
async def test_refuses_bad_values(client: AsyncClient, ${singular}: dict[str, Any], changes: dict[str, Any]) -> None:
    created = (await client.post("/${plural}", json=${singular})).json()
    for answer in (
        await client.post("/${plural}", json=${singular} | changes),
        await client.patch(f"/${plural}/{created['id']}", json=changes),
    ):
        assert_error(answer, 422)
