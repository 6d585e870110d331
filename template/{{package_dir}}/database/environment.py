"""Settings from the environment and `.env`, with errors that name the variable and say what is expected."""

import re
from typing import Any

from pydantic import AliasChoices, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError


class InvalidSettings(ValueError):
    """A setting is missing or invalid. The message has one sentence per setting, and shows no values."""


class EnvironmentSettings(BaseSettings):
    """The base class of all settings. Raises InvalidSettings instead of pydantic's own errors."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            raise InvalidSettings("\n".join(explain(type(self), each) for each in details)) from None
        except SettingsError as error:
            fields = re.findall(r'for field "(\w+)"', str(error))
            raise InvalidSettings(f"{', '.join(variable(type(self), each) for each in fields)} must be JSON.") from None


def explain(settings: type[BaseSettings], error: ErrorDetails) -> str:
    name = variable(settings, *error["loc"])
    if error["type"] == "missing":
        return f"{name} is not set: add {name}=... to the environment or .env."
    if error["type"] == "value_error":
        message = str(error["ctx"]["error"])
    else:
        message = re.sub(r"^\w+ should ", "must ", error["msg"]).partition(", unable to ")[0]
    return f"{name} {message.rstrip('.')}."


def variable(settings: type[BaseSettings], name: str | int = "settings", *path: str | int) -> str:
    """The variable behind a field or an alias, such as DATABASE_POOL_SIZE; several are joined by "or"."""
    names = [f"{settings.model_config.get('env_prefix', '')}{name}"]
    for field, info in settings.model_fields.items():
        alias = info.validation_alias
        aliases = alias.choices if isinstance(alias, AliasChoices) else [alias]
        if name in (field, *aliases):
            names = [each for each in aliases if isinstance(each, str)] or names
    delimiter = settings.model_config.get("env_nested_delimiter") or "."
    return " or ".join(delimiter.join([each, *map(str, path)]).upper() for each in names)
