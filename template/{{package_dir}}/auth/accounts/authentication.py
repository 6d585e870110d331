"""Logins. Attempts are limited so that guessing takes years, and nobody can lock out somebody else."""

import logging

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ...database import Database
from ...database.primary import primary_scope
from ...limits import RateLimit, client_address
from ..principal import unauthenticated
from . import cookies
from .passwords import hash_password, is_outdated, verify_password
from .schemas import Login
from .tokens import is_known_device
from .users import User

logger = logging.getLogger(__name__)

HOUR = 3600
# A browser in which the user logged in before has attempts of its own, which nobody else can use up.
OF_DEVICE = RateLimit("logins_of_device", quota=10, window=HOUR)
# All others share these: by address and user, by user, and by address.
OF_ADDRESS_AND_USER = RateLimit("logins_of_address_and_user", quota=10, window=HOUR)
OF_USER = RateLimit("logins_of_user", quota=100, window=24 * HOUR)
OF_ADDRESS = RateLimit("logins_of_address", quota=100, window=HOUR)


async def authenticate(database: Database, db: AsyncSession, request: Request, login: Login) -> User:
    """Return the user, locked until the end of the transaction of `db`. Raises HTTPException: 401, 429 or 503.

    Everything but the last statement comes before the transaction, so that attempts count although it is rolled back,
    and no connection is held while the password is hashed. An unknown address takes the same steps as a known one.
    """
    device = cookies.read_cookie(request, cookies.DEVICE) or ""
    async with primary_scope(database) as reading:
        statement = select(User, is_known_device(device, User.id)).where(User.email == login.email)
        user, is_known = (await reading.execute(statement)).one_or_none() or (None, False)
    address = client_address(request)
    limits = (
        [(OF_DEVICE, device)]
        if is_known
        else [(OF_ADDRESS_AND_USER, f"{address} {login.email}"), (OF_USER, login.email)]
    )
    for limit, key in [*limits, *([] if is_known else [(OF_ADDRESS, address)])]:
        await limit.check(database, key)
    is_right = await verify_password(user.password_hash if user else None, login.password)
    if user is not None and is_right:
        for limit, key in limits:
            await limit.forget(database, key)
        outdated = is_outdated(user.password_hash)
        new_hash = await hash_password(login.password, 0) if outdated else user.password_hash
        user = await lock_unchanged(db, user)
        if user is not None:
            user.password_hash = new_hash
            logger.info("User %s logged in.", user.id)
            return user
    logger.info("A login failed.")
    raise unauthenticated("The address or the password is wrong.", invalid=False)


async def lock_unchanged(db: AsyncSession, user: User) -> User | None:
    """Lock the row of a user whose password was verified; None if the password was changed meanwhile."""
    unchanged = User.id == user.id, User.password_hash == user.password_hash
    return await db.scalar(select(User).where(*unchanged).with_for_update())
