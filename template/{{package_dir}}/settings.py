"""The application's own settings, from the environment and `.env`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from .database import DatabaseSettings


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    max_body_size: int = Field(default=1024 * 1024, ge=0)
    """The longest request body in bytes; a longer one gets a 413."""
    # Yours:
