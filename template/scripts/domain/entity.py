"""A table with its fields, as the templates ask for it."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from . import service
from .kinds import Kind
from .service import Target

TEMPLATES = Path(__file__).with_name("templates")
# Every name that the generated code imports.
IMPORTED = {
    name
    for template in TEMPLATES.iterdir()
    for names in re.findall(r"^from \S+ import (.+)$|^import (.+)$", template.read_text(), re.MULTILINE)
    for name in "".join(names).split(", ")
}


def camel(name: str) -> str:
    return name.title().replace("_", "")


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind
    nullable: bool = False
    unique: bool = False
    index: bool = False
    enum: str = ""
    values: tuple[str, ...] = ()
    target: Target | None = None
    rule: str = ""

    @property
    def column(self) -> str:
        return f"{self.name}_id" if self.target else self.name

    @property
    def null(self) -> str:
        return " | None" if self.nullable else ""

    @property
    def mapped_column(self) -> str:
        """The arguments of mapped_column(), if it needs any."""
        if not self.target:
            return self.kind.column
        return f'ForeignKey("{self.target.plural}.id", ondelete="{self.rule.upper().replace("_", " ")}")'

    @property
    def bad(self) -> list[str]:
        return [*self.kind.bad, *([] if self.nullable else ["None"])]


@dataclass(frozen=True)
class Entity:
    own: Target
    fields: tuple[Field, ...]
    mixins: tuple[str, ...]

    @property
    def references(self) -> list[Field]:
        return [field for field in self.fields if field.target]

    @property
    def enums(self) -> list[Field]:
        return [field for field in self.fields if field.enum]

    @property
    def unique(self) -> list[Field]:
        return [field for field in self.fields if field.unique]

    @property
    def title(self) -> Field | None:
        """The list is ordered by it and can be searched for it."""
        return next((each for each in self.fields if each.kind.searched and not each.nullable), None)

    def relationship(self, field: Field, target: Target) -> str:
        arguments = 'lazy="raise"'
        if target == self.own:
            arguments += f', remote_side="{self.own.model}.id"'
        if [each.target for each in self.references].count(target) > 1:
            arguments += f', foreign_keys="{self.own.model}.{field.column}"'
        model = f'"{self.own.model} | None"' if target == self.own else f"{target.model}{field.null}"
        return f"Mapped[{model}] = relationship({arguments})"

    @property
    def checked(self) -> list[Field]:
        """References to rows with an owner, who must be the owner of this row, too."""
        return [field for field in self.references if self.own.owned and field.target and field.target.owned]

    @property
    def filters(self) -> list[Field]:
        return [*self.references, *self.enums, *([self.title] if self.title else [])]

    @property
    def order(self) -> list[str]:
        """The columns that pages of the list are ordered by, which are unique together."""
        if not self.title:
            return ["id"]
        return [self.title.name] if self.title.unique else [self.title.name, "id"]

    @property
    def targets(self) -> list[Target]:
        """The models of other domains."""
        targets = {field.target.plural: field.target for field in self.references if field.target}
        return [target for target in targets.values() if target.domain != self.own.domain]

    @property
    def bases(self) -> str:
        bases = {"audit": "Audited", "soft_delete": "SoftDelete"}
        return ", ".join([*(base for mixin, base in bases.items() if mixin in self.mixins), "Base"])

    @property
    def table_args(self) -> str:
        owner = '"owner", ' if self.own.owned else ""
        args = [self.unique_over(f'{owner}"{field.column}"') for field in self.unique]
        for field in self.enums:
            column = rf"\"{field.name}\"" if field.name in RESERVED_WORDS else field.name
            values = ", ".join(f"'{value}'" for value in field.values)
            args.append(f'CheckConstraint("{column} IN ({values})", "{field.name}_known")')
        indexed = [field for field in self.fields if (field.index or field.target) and not field.unique]
        args += [f'Index(None, "{field.column}")' for field in indexed]
        if (owner or self.title) and "id" in self.order:  # otherwise there is the unique constraint
            columns = ", ".join(f'"{column}"' for column in self.order)
            args.append(f"Index(None, {owner}{columns})")
        return ", ".join(args) + ("," if args else "")

    def unique_over(self, columns: str) -> str:
        if "soft_delete" not in self.mixins:
            return f"UniqueConstraint({columns})"
        # A deleted row does not count.
        where = 'text("deleted_at IS NULL")'
        return f"Index(None, {columns}, unique=True, postgresql_where={where}, sqlite_where={where})"

    def constraint(self, field: Field) -> str:
        prefix = "ix" if "soft_delete" in self.mixins else "uq"
        return f"{prefix}_{self.own.plural}_{'owner_' if self.own.owned else ''}{field.column}"

    def alias(self, field: Field) -> str:
        """The type of a field in requests. One with constraints has a name, because two schemas use it."""
        if not field.kind.schema.startswith("Annotated["):
            return field.kind.schema
        name = camel(field.column)
        taken = name in IMPORTED or service.defines(self.own.domain, name)
        return self.own.model + name if taken else name
