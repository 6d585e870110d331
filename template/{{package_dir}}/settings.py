"""The application's own settings, from the environment and `.env`."""

import re
import sys
from typing import Annotated, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_settings import NoDecode

from .database import DatabaseSettings, EnvironmentSettings, InvalidSettings

# uvicorn's own status for an application that cannot start. It does not restart a worker that exits with it.
STARTUP_FAILURE = 3


def read_list(pattern: str, expected: str) -> BeforeValidator:
    """Read values that are separated by commas. Each must match the pattern."""

    def read(value: str | list[str]) -> list[str]:
        values = [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value
        if not all(re.fullmatch(pattern, each) for each in values):
            raise ValueError(f"must be {expected}; separate several with commas")
        return values

    return BeforeValidator(read)


def refuse_every_origin(allowed: bool, info: ValidationInfo) -> bool:
    if allowed and "*" in info.data.get("cors_origins", []):
        raise ValueError("cannot be true while CORS_ORIGINS is *, because every website could then act as your users")
    return allowed


HOST = read_list(r"(\*\.)?[\w.-]+|\[[\da-f:]+\]", "a host such as api.example.com or *.example.com, without a port")
ORIGIN = read_list(
    r"\*|[a-z\d+.-]+://[a-z\d.:\[\]_-]+", "an origin such as https://app.example.com, without a path, or *"
)
Hosts = Annotated[list[str], NoDecode, HOST]
Origins = Annotated[list[str], NoDecode, ORIGIN]
Credentials = Annotated[bool, AfterValidator(refuse_every_origin)]


class Settings(EnvironmentSettings):
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    host: str = "127.0.0.1"
    """The address to listen on. The image sets 0.0.0.0."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port to listen on."""
    workers: int = Field(default=1, ge=1, validation_alias="WEB_CONCURRENCY")
    """The number of processes."""
    drain_time: int = Field(default=0, ge=0)
    """How many seconds after SIGTERM requests are still accepted, while `/readyz` is a 503. The image sets 5."""
    graceful_timeout: int = Field(default=20, ge=0)
    """How many seconds the remaining requests then have to finish."""
    forwarded_allow_ips: str = Field(default="127.0.0.1,::1", pattern=r"^[0-9a-fA-F.:/,]*$")
    """Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted: addresses and networks, never `*`."""
    docs_enabled: bool = False
    """Serve `/docs`, `/redoc` and `/openapi.json`. `make run` sets it."""
    allowed_hosts: Hosts = []
    """Hosts to answer for, separated by commas. A request for another host gets a 400, except a probe. Default: any."""
    cors_origins: Origins = []
    """Origins whose pages may call the service from a browser, separated by commas, or `*`. Default: none."""
    cors_credentials: Credentials = False
    """Whether those pages may send cookies. It needs named origins."""
    max_body_size: int = Field(default=1024 * 1024, ge=0)
    """The maximum size of a request body, in bytes. A larger one gets a 413."""
    # Yours:


def read_settings() -> Settings:
    """Read the settings of this process. If one is missing or invalid, print a sentence that says so and exit."""
    try:
        return Settings()
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        sys.exit(STARTUP_FAILURE)


async def get_settings(connection: HTTPConnection) -> Settings:
    return cast(Settings, connection.app.state.settings)


CurrentSettings = Annotated[Settings, Depends(get_settings)]


if __name__ == "__main__":
    read_settings()
