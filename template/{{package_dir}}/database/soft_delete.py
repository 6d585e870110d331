"""Soft deletion: rows of a model with the mixin `SoftDelete` are marked, and left out from then on."""

from datetime import datetime

from sqlalchemy import event, func
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria


class SoftDelete:
    """Statements find deleted rows with `.execution_options(include_deleted=True)` only.

    A unique constraint counts deleted rows; a unique index with `postgresql_where=deleted_at IS NULL` does not.
    """

    deleted_at: Mapped[datetime | None] = mapped_column(default=None)


@event.listens_for(Session, "do_orm_execute")
def leave_out_deleted(state: ORMExecuteState) -> None:
    if state.execution_options.get("include_deleted", False):
        return
    if state.is_delete and any(issubclass(mapper.class_, SoftDelete) for mapper in state.all_mappers):
        raise InvalidRequestError(
            "This would remove rows for good. Set deleted_at by update(), or say execution_options(include_deleted=True)."
        )
    if not state.is_column_load and not state.is_relationship_load:
        state.statement = state.statement.options(
            with_loader_criteria(SoftDelete, lambda model: model.deleted_at.is_(None), include_aliases=True)
        )


@event.listens_for(Session, "before_flush")
def mark_deleted(session: Session, *_: object) -> None:
    for row in session.deleted:
        if isinstance(row, SoftDelete):
            row.deleted_at = func.now()
            session.add(row)  # takes it back from those to delete
