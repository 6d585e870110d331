"""Passwords are hashed with argon2id, in threads of their own, because a hash takes about 20 ms and 19 MiB."""

from contextlib import suppress

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import HTTPException

MAX_LENGTH = 128
MAX_WAITING = 100  # about a second's work
# OWASP's parameters. When they change, each hash is renewed at the next login.
hasher = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
threads = CapacityLimiter(2)

# The hash of a password that nobody knows. Verifying it takes as long as verifying that of a user.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$x+YXnVz61AemhHQM03tAVg$1fZxMMlnfPttP3wDt7Xgka/VnaHXCJUMka5TtM1d21o"


async def hash_password(password: str, min_length: int) -> str:
    """Raises HTTPException: 422 if the password is too short, 503 if too many are waiting."""
    if len(password) < min_length:
        raise HTTPException(422, f"A password needs at least {min_length} characters.")
    refuse_overload()
    return await to_thread.run_sync(hasher.hash, password, limiter=threads)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Without a hash, because there is no such user, it takes as long. Raises HTTPException: 503."""
    refuse_overload()
    return await to_thread.run_sync(verify, password_hash or NOBODY, password, limiter=threads)


def verify(password_hash: str, password: str) -> bool:
    with suppress(VerificationError, InvalidHashError):
        return hasher.verify(password_hash, password)
    return False


def is_outdated(password_hash: str) -> bool:
    return hasher.check_needs_rehash(password_hash)


def refuse_overload() -> None:
    if threads.statistics().tasks_waiting >= MAX_WAITING:
        raise HTTPException(503, "Too many people are logging in.", {"Retry-After": "1"})
