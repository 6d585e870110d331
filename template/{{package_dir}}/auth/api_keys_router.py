"""Routes to issue, list and revoke API keys. Whoever has their scope can get every other one by issuing a key."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ..database import Key, Page
from ..database.dependencies import Cursor, Limit, reads, writes
from ..database.validators import WholeNumber
from ..errors import error_responses
from .api_keys import ApiKey, ApiKeyRepository
from .dependencies import allows

MANAGE = "api_keys:manage"

ApiKeys = Annotated[ApiKeyRepository, writes(ApiKeyRepository)]
ReadApiKeys = Annotated[ApiKeyRepository, reads(ApiKeyRepository)]
Subject = Annotated[str, Field(max_length=200, pattern=r"^[^\s\x00-\x1f\x7f]+$", examples=["billing"])]
Scope = Annotated[str, Field(max_length=100, pattern=r"^[!#-\[\]-~]+$", examples=["books:write"])]
Days = Annotated[int, Field(ge=1, le=3650, strict=True), WholeNumber]

router = APIRouter(prefix="/api-keys", tags=["API keys"], dependencies=[allows(MANAGE)])


class ApiKeyCreate(BaseModel):
    """Without `expires_in_days`, the key is valid until it is revoked."""

    subject: Subject
    scopes: Annotated[list[Scope], Field(max_length=100)]
    expires_in_days: Days | None = None


class ApiKeyRead(BaseModel):
    """`hint` is the end of the key. `last_used_at` is up to an hour behind."""

    model_config = ConfigDict(from_attributes=True)

    id: Key
    hint: str
    subject: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ApiKeyIssued(ApiKeyRead):
    """`key` is shown once."""

    key: str


@router.post("", status_code=201)
async def issue_api_key(values: ApiKeyCreate, keys: ApiKeys) -> ApiKeyIssued:
    row, key = await keys.issue(values.subject, values.scopes, values.expires_in_days)
    return ApiKeyIssued(**ApiKeyRead.model_validate(row).model_dump(), key=key)


@router.get("", response_model=Page[ApiKeyRead])
async def list_api_keys(keys: ReadApiKeys, cursor: Cursor = None, limit: Limit = 20) -> Page[ApiKey]:
    """The newest first, with those that are revoked or expired."""
    return await keys.newest(cursor=cursor, limit=limit)


@router.delete("/{key_id}", status_code=204, responses=error_responses(404))
async def revoke_api_key(key_id: Key, keys: ApiKeys) -> None:
    """The next request with this key gets a 401."""
    await keys.revoke(key_id)
