import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ...database import Key
from .passwords import MAX_LENGTH

# That of <input type=email>, with a dot in the domain.
EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+"
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
)


def normalize_email(value: str) -> str:
    """Allow ASCII only, because letters of other alphabets look like those of somebody else's address."""
    if not EMAIL.fullmatch(value):
        raise ValueError("must be an address such as ann@example.com")
    return value.lower()


Email = Annotated[
    str,
    Field(max_length=254, examples=["ann@example.com"], json_schema_extra={"pattern": f"^{EMAIL.pattern}$"}),
    AfterValidator(normalize_email),
]
# A cap, because hashing takes longer the longer it is. The least length is a setting.
Password = Annotated[str, Field(max_length=MAX_LENGTH, examples=["correct horse battery"])]


class Address(BaseModel):
    email: Email


class Login(BaseModel):
    email: Email
    password: Password


class PasswordChange(BaseModel):
    current_password: Password
    password: Password


class PasswordByLink(BaseModel):
    """`token` is what follows `#` in the link."""

    token: str = Field(max_length=200)
    password: Password


class UserRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: Key
    email: str
    scopes: list[str]
    created_at: datetime


class SessionToken(BaseModel):
    token: str
    expires_at: datetime
