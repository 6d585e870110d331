"""The application's own settings, from the environment and `.env`."""

import sys
from ipaddress import ip_network
from typing import Annotated, cast

from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic import AfterValidator, Field

from .database import DatabaseSettings, EnvironmentSettings, InvalidSettings

# uvicorn's own status for an application that cannot start. It does not restart a worker that exits with it.
STARTUP_FAILURE = 3


def check_networks(value: str) -> str:
    try:
        for network in value.split(","):
            ip_network(network.strip())
    except ValueError:
        raise ValueError("must list addresses or networks, such as 127.0.0.1,10.0.0.0/8.") from None
    return value


Networks = Annotated[str, AfterValidator(check_networks)]


class Settings(EnvironmentSettings):
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    host: str = "127.0.0.1"
    """The address on which `python -m` listens. The image sets `0.0.0.0`."""
    port: int = Field(default=8000, ge=0, le=65535)
    """The port on which `python -m` listens."""
    workers: int = Field(default=1, ge=1, validation_alias="WEB_CONCURRENCY")
    """The number of processes that serve."""
    drain_time: int = Field(default=0, ge=0)
    """For how many seconds after SIGTERM the service still accepts requests, while `/readyz` is a 503. The image sets 5."""
    graceful_timeout: int = Field(default=20, ge=0)
    """How many seconds requests have to finish after that."""
    forwarded_allow_ips: Networks = "127.0.0.1,::1"
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count, as addresses and networks."""
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
