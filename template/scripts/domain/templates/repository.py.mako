"""The queries of this domain. Handlers that only read take a repository named `Read...`, which costs less."""

from typing import Annotated

from sqlalchemy import select

from ..database import Key, Page, Repository
from ..database.dependencies import reads, writes
from .models import ${", ".join([Model, *(field.enum for field in entity.enums)])}


class ${Model}Repository(Repository[${Model}]):
    model = ${Model}
    % if owned:

    async def of(self, owner: str, key: Key) -> ${Model}:
        """Raises NotFoundError for the row of somebody else, too."""
        return await self.one(select(${Model}).where(${Model}.id == key, ${Model}.owner == owner))
    % endif

    async def search(
        self, *, ${"owner: str, " if owned else ""}${"".join(f"{field.column}: {field.kind.python} | None, " for field in entity.filters)}cursor: str | None, limit: int
    ) -> Page[${Model}]:
        statement = select(${Model})${f".where({Model}.owner == owner)" if owned else ""}
        % for field in entity.filters:
        if ${field.column} is not None:
            % if field is entity.title:
            statement = statement.where(${Model}.${field.column}.icontains(${field.column}, autoescape=True))
            % else:
            statement = statement.where(${Model}.${field.column} == ${field.column})
            % endif
        % endfor
        return await self.page(statement, (${", ".join(f"{Model}.{column}" for column in entity.order)}${"," * (len(entity.order) == 1)}), cursor=cursor, limit=limit)


${Plural} = Annotated[${Model}Repository, writes(${Model}Repository)]
Read${Plural} = Annotated[${Model}Repository, reads(${Model}Repository)]
