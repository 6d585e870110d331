"""The actor in the audit log is the subject of the request's principal, unless the session names another one."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec

from sqlalchemy import event
from sqlalchemy.orm import Session

from .principal import Principal

P = ParamSpec("P")
current_subject: ContextVar[str | None] = ContextVar("current_subject", default=None)


def remember_subject(authenticate: Callable[P, Awaitable[Principal]]) -> Callable[P, Awaitable[Principal]]:
    """Wrap a dependency that returns the principal. Tasks that the request starts know the subject, too."""

    @wraps(authenticate)
    async def get_principal(*args: P.args, **options: P.kwargs) -> Principal:
        principal = await authenticate(*args, **options)
        current_subject.set(principal.subject)
        return principal

    return get_principal


@event.listens_for(Session, "before_flush")
def set_actor(session: Session, *_: object) -> None:
    session.info.setdefault("actor", current_subject.get())
