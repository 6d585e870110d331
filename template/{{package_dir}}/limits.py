"""Limits that are exact over all processes: a table in PostgreSQL, and one round trip for each request that counts.

Use them for logins and for routes that are expensive. Limit the number of all requests in the ingress.
"""

import json
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from random import random
from typing import Any

from fastapi import HTTPException, Response
from fastapi.requests import HTTPConnection
from sqlalchemy import Column, DateTime, Interval, LargeBinary, Table, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from .database import Base, Database
from .database.dependencies import CurrentDatabase
from .database.primary import run_on_primary

# UNLOGGED, because a limit must not wait for the disk. After a crash or a failover the table is empty, which gives
# everybody the whole quota again.
rate_limits = Table(
    "rate_limits",
    Base.metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("full_at", DateTime(timezone=True), nullable=False),  # when the whole quota is available again
    prefixes=["UNLOGGED"],
)

column = rate_limits.c
key = bindparam("key", type_=LargeBinary)
cost, window = bindparam("cost", type_=Interval), bindparam("window", type_=Interval)
# Not now(), because a statement may have waited for the row since it began.
clock = func.clock_timestamp(type_=DateTime(timezone=True))

# The generic cell rate algorithm (GCRA). A request that is refused writes nothing.
TAKEN = (
    insert(rate_limits)
    .values(key=key, full_at=clock + cost)
    .on_conflict_do_update(
        index_elements=[column.key],
        set_={"full_at": func.greatest(column.full_at, clock) + cost},
        where=column.full_at + cost <= clock + window,
    )
    .returning(column.full_at)
    .cte("taken")
)
TAKE = select(
    select(TAKEN.c.full_at).scalar_subquery().label("taken"),
    select(column.full_at).where(column.key == key).scalar_subquery().label("before"),
    clock.label("now"),
)
FORGET = delete(rate_limits).where(column.key == key)
# A row whose time has passed means the same as no row.
EXPIRED = select(column.key).where(column.full_at < func.now()).limit(10_000).with_for_update(skip_locked=True)
PRUNE = delete(rate_limits).where(column.key.in_(EXPIRED))
PRUNE_PROBABILITY = 0.001

TOO_MANY_REQUESTS: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "Too Many Requests",
        "headers": {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."},
            "RateLimit": {"schema": {"type": "string"}},
            "RateLimit-Policy": {"schema": {"type": "string"}},
        },
    }
}
"""The `responses` of a route with a limit."""


class RateLimitedError(HTTPException):
    """A 429 that says when to try again."""


class RateLimit:
    """At most `quota` requests at once, and as many in each `window` of seconds, for each key.

    The headers follow draft-ietf-httpapi-ratelimit-headers-11.
    """

    def __init__(self, name: str, *, quota: int, window: int) -> None:
        self.name = name
        self.quota = quota
        self.policy = f'"{name}";q={quota};w={window}'
        self.cost = timedelta(seconds=window) / quota

    async def check(self, database: Database, *key: str, response: Response | None = None) -> None:
        """Count a request. Raises RateLimitedError if the quota of the key is used up.

        Call it before the first statement of the request's session, because it takes a connection of its own. It counts
        even if the request is rolled back. A `response` gets the headers, too. Tests on SQLite have no limits.
        """
        if database.engine.dialect.name != "postgresql":
            return
        window = self.cost * self.quota
        row: Any = await run_on_primary(database, TAKE, {"key": self.digest(key), "cost": self.cost, "window": window})
        if random() < PRUNE_PROBABILITY:
            await run_on_primary(database, PRUNE, {})
        available = window - ((row.taken or row.before or row.now) - row.now)
        if row.taken is None and available >= self.cost:  # other requests took it after this one began
            available = timedelta(0)
        remaining = max(0, available // self.cost)
        wait = ceil(((remaining + 1) * self.cost - available).total_seconds())
        headers = {"RateLimit-Policy": self.policy, "RateLimit": f'"{self.name}";r={remaining};t={wait}'}
        if row.taken is None:
            raise RateLimitedError(429, f"Try again in {wait} s.", headers | {"Retry-After": str(wait)})
        if response is not None:
            for name, value in headers.items():
                response.headers.append(name, value)

    async def by_address(self, connection: HTTPConnection, response: Response, database: CurrentDatabase) -> None:
        """A dependency that counts each request of a client: `Depends(limit.by_address)`."""
        await self.check(database, client_address(connection), response=response)

    async def forget(self, database: Database, *key: str) -> None:
        """Give the whole quota back, for example after a login that succeeded."""
        await run_on_primary(database, FORGET, {"key": self.digest(key)})

    def digest(self, key: tuple[str, ...]) -> bytes:
        # A hash, because the table must not hold names and addresses, and a key may be of any length.
        return sha256(json.dumps([self.name, *key]).encode()).digest()


def client_address(connection: HTTPConnection) -> str:
    """The IPv4 address of the client, or the /64 network of its IPv6 address, because a client may use all of a network."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False))
