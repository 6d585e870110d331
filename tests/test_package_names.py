"""A package name of any length: the formatter and the linter find nothing to change."""

from pathlib import Path

import pytest

from testkit.combinations import SERVICES
from testkit.projects import run
from testkit.rendering import Render

LONGEST = 50
PLACEHOLDER = "thepackage"


@pytest.mark.parametrize("combination", ["default", "everything"])
def test_the_code_is_formatted_for_a_name_of_any_length(render: Render, tmp_path: Path, combination: str) -> None:
    """Lines of Python contain the name, and the formatter breaks those that become too long."""
    template = render(**SERVICES[combination] | {"package_name": PLACEHOLDER})
    for length in range(1, LONGEST + 1):
        copy(template, tmp_path / f"of_{length}", "p" * length)
    # To replace the name in a copy is what rendering does, and 50 times faster.
    longest = render(**SERVICES[combination] | {"package_name": "p" * LONGEST})
    assert code(tmp_path / f"of_{LONGEST}") == code(longest)
    run(tmp_path, "ruff", "format", "--check", "--no-cache")
    run(tmp_path, "ruff", "check", "--no-cache")


def copy(template: Path, folder: Path, name: str) -> None:
    for file, text in code(template).items():
        target = folder / file.replace(PLACEHOLDER, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(PLACEHOLDER, name))


def code(project: Path) -> dict[str, str]:
    """All Python, and the configuration of its formatter."""
    files = [*project.rglob("*.py"), project / "pyproject.toml"]
    return {str(file.relative_to(project)): file.read_text() for file in files}
