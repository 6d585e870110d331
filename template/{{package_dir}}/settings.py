"""The application's own settings, from the environment and `.env`."""

import sys
from typing import Annotated, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import Field

from .database import DatabaseSettings, EnvironmentSettings, InvalidSettings

# uvicorn's own status for an application that cannot start. It does not restart a worker that exits with it.
STARTUP_FAILURE = 3


class Settings(EnvironmentSettings):
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    host: str = "127.0.0.1"
    """The address to listen on. The image sets 0.0.0.0."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port to listen on."""
    workers: int = Field(default=1, ge=1, validation_alias="WEB_CONCURRENCY")
    """The number of processes."""
    drain_time: int = Field(default=0, ge=0)
    """For how many seconds after SIGTERM requests are still accepted, while `/readyz` is a 503. The image sets 5."""
    graceful_timeout: int = Field(default=20, ge=0)
    """How many seconds requests then have to finish."""
    forwarded_allow_ips: str = Field(default="127.0.0.1,::1", pattern=r"^[0-9a-fA-F.:/,]*$")
    """Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted: addresses and networks, never `*`."""
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
