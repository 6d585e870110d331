"""The caller of a request, whatever its credentials are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import HTTPException


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `subject` names it for good, for example as the owner of rows, and `scopes` is what it may do."""

    subject: str
    scopes: frozenset[str] = frozenset()
    # Not in repr(), and therefore not in logs, because claims may hold an address or a name.
    claims: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def unauthenticated(detail: str, *, invalid: bool = True) -> HTTPException:
    """A 401. `invalid` is whether the request had credentials at all (RFC 6750, section 3)."""
    challenge = 'Bearer error="invalid_token"' if invalid else "Bearer"
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})
