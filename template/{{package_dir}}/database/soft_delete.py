"""Soft delete: rows of models with the mixin `SoftDelete` are marked as deleted, and queries exclude them."""

from datetime import datetime

from sqlalchemy import event, func
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria


class SoftDelete:
    """Only statements with `.execution_options(include_deleted=True)` return deleted rows.

    A unique constraint includes deleted rows. A unique index with `postgresql_where=deleted_at IS NULL` does not.
    """

    deleted_at: Mapped[datetime | None] = mapped_column(default=None)


@event.listens_for(Session, "do_orm_execute")
def leave_out_deleted(state: ORMExecuteState) -> None:
    if state.execution_options.get("include_deleted", False):
        return
    if state.is_delete and any(issubclass(mapper.class_, SoftDelete) for mapper in state.all_mappers):
        raise InvalidRequestError(
            "This would delete rows permanently. Set deleted_at with update(), or use execution_options(include_deleted=True)."
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
            session.add(row)  # removes it from the rows to delete
