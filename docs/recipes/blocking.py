import asyncio
from hashlib import scrypt
from secrets import token_bytes

from fastapi import APIRouter
from shop.database import Base, Key, PrimaryKey
from shop.database.dependencies import DbSession
from sqlalchemy.orm import Mapped

router = APIRouter()

# How many run at once. The others wait here instead of filling the threads that everything else shares.
HASHES = asyncio.Semaphore(2)


class ApiKey(Base):
    __tablename__ = "api_keys"

    id: Mapped[PrimaryKey]
    hash: Mapped[bytes]


def hash_slowly(secret: str) -> bytes:
    """What blocks: 50 ms of CPU, a library without async, or a large file."""
    return scrypt(secret.encode(), salt=token_bytes(16), n=2**14, r=8, p=1)


@router.post("/api-keys", status_code=201)
async def create_api_key(secret: str, db: DbSession) -> Key:
    async with HASHES:
        hashed = await asyncio.to_thread(hash_slowly, secret)
    api_key = ApiKey(hash=hashed)
    db.add(api_key)
    await db.flush()  # for its key
    return api_key.id
