"""Autogenerate renames constraints whose names in the database differ from those of the models.

Alembic ignores the names of primary and foreign keys, and replaces a unique constraint whose name differs. In a
database that is older than the models, a migration that drops a constraint by its name would then fail.
"""

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrateOperation, ModifyTableOps
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Constraint, ForeignKeyConstraint, Inspector, Table, UniqueConstraint


class RenameConstraint(MigrateOperation):
    """Takes its names quoted where they need it."""

    def __init__(self, table: str, old: str, new: str) -> None:
        self.table, self.old, self.new = table, old, new

    def reverse(self) -> "RenameConstraint":
        return RenameConstraint(self.table, self.new, self.old)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("rename_constraint", self.statement)

    @property
    def statement(self) -> str:
        return f"ALTER TABLE {self.table} RENAME CONSTRAINT {self.old} TO {self.new}"


@renderers.dispatch_for(RenameConstraint)
def render(_context: AutogenContext, rename: RenameConstraint) -> str:
    # A database that was created after a baseline has the new names already.
    block = f"DO $$BEGIN {rename.statement}; EXCEPTION WHEN undefined_object THEN NULL; END$$"
    return f"op.execute({block!r})"


def compare_names(
    context: AutogenContext,
    operations: ModifyTableOps,
    schema: str | None,
    name: str,
    existing: Table | None,
    model: Table | None,
) -> PriorityDispatchResult:
    if existing is None or model is None or context.dialect is None:
        return PriorityDispatchResult.CONTINUE
    quote = context.dialect.identifier_preparer
    names = dict(names_in_database(context.inspector, name, schema))
    for key, constraint in constraints_of(model):
        old, new = names.get(key), quote.format_constraint(constraint)
        if old and new and quote.quote(old) != new:
            replaced = (old, constraint.name)
            operations.ops[:] = [op for op in operations.ops if getattr(op, "constraint_name", None) not in replaced]
            operations.ops.append(RenameConstraint(quote.format_table(model), quote.quote(old), new))
    return PriorityDispatchResult.CONTINUE


def names_in_database(inspector: Inspector, name: str, schema: str | None) -> Iterator[tuple[Any, str | None]]:
    yield "primary key", inspector.get_pk_constraint(name, schema)["name"]
    for unique in inspector.get_unique_constraints(name, schema):
        yield frozenset(unique["column_names"]), unique["name"]
    for foreign in inspector.get_foreign_keys(name, schema):
        yield (foreign["referred_table"], tuple(foreign["constrained_columns"])), foreign["name"]


def constraints_of(model: Table) -> Iterator[tuple[Any, Constraint]]:
    yield "primary key", model.primary_key
    for constraint in model.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield frozenset(column.name for column in constraint.columns), constraint
        elif isinstance(constraint, ForeignKeyConstraint):
            columns = tuple(column.name for column in constraint.columns)
            yield (constraint.referred_table.name, columns), constraint


plugin = Plugin("constraint_names")
plugin.add_autogenerate_comparator(compare_names, "table", "names", priority=DispatchPriority.LAST)
