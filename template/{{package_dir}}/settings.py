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
