"""No package has the name of something that a service imports or installs."""

import pytest

from scripts.reserved import locked, reserved, taken


def test_the_names_of_python_and_all_dependencies_are_reserved() -> None:
    """With a new dependency, `make constraints` adds its names."""
    assert taken() - reserved() == set()


def test_the_lock_holds_every_answer_and_every_platform() -> None:
    # Of primary_key=uuid7, of Windows, of the tools, and of what others require.
    assert {"uuid-utils", "colorama", "squawk-cli", "opentelemetry-api"} <= set(locked())


@pytest.mark.parametrize("name", ["python_dotenv", "dotenv", "yaml", "pyyaml", "xdist", "tomllib", "match"])
def test_distributions_and_modules_and_keywords(name: str) -> None:
    assert name in reserved()
