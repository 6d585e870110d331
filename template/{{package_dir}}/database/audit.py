"""Audit log: who changed what and when, for models with the mixin `Audited`, in the transaction of the change."""

from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import JSON, Index, String, event, insert, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column

from .base import Base, CreatedAt
from .keys import PrimaryKey


class Audited:
    """Record the rows of this model that a session adds, changes or deletes. `db.info["actor"]` is the actor.

    Exclude a column with `info={"audit": False}`, such as a password or a large value.
    """


class AuditEntry(Base):
    """One change of one row. `changes` contains the old and the new value of each column."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "table_name", "row_key"),)

    id: Mapped[PrimaryKey]
    created_at: Mapped[CreatedAt]
    actor: Mapped[str | None] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(6))
    table_name: Mapped[str] = mapped_column(String(63))
    row_key: Mapped[str] = mapped_column(String(200))
    changes: Mapped[dict[str, Any]] = mapped_column(JSON().with_variant(JSONB(), "postgresql"))


@event.listens_for(Session, "after_flush")
def write_entries(session: Session, _context: object) -> None:
    # After the flush, keys are known and old values are still available.
    actions = (("insert", session.new), ("update", session.dirty), ("delete", session.deleted))
    rows = [(action, row) for action, rows in actions for row in rows if isinstance(row, Audited)]
    entries = [describe_change(session, action, row) for action, row in rows]
    if entries := [entry for entry in entries if entry["changes"]]:
        session.execute(insert(AuditEntry), entries)


def describe_change(session: Session, action: str, row: Any) -> dict[str, Any]:
    state = inspect(row)
    changes: dict[str, list[Any]] = {}
    for attribute in state.mapper.column_attrs:
        name, history, value = attribute.key, state.attrs[attribute.key].history, state.dict.get(attribute.key)
        if not attribute.columns[0].info.get("audit", True):
            continue
        if action == "insert":
            changes[name] = [None, value]
        elif action == "delete":
            changes[name] = [value, None]
        elif history.has_changes():
            changes[name] = [next(iter(history.deleted or ()), None), value]
    return {
        "actor": session.info.get("actor"),
        "action": action,
        "table_name": state.mapper.local_table.name,
        "row_key": " ".join(str(part) for part in state.mapper.primary_key_from_instance(row)),
        "changes": to_jsonable_python(changes, fallback=str),
    }


@event.listens_for(Session, "do_orm_execute")
def refuse_unseen_changes(state: ORMExecuteState) -> None:
    if state.is_select or not state.execution_options.get("audited", True):
        return
    if any(issubclass(mapper.class_, Audited) for mapper in state.all_mappers):
        raise InvalidRequestError(
            "The audit log cannot record this statement. Change the rows through the session, or add an AuditEntry and"
            " use execution_options(audited=False)."
        )
