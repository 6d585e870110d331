"""The targets of a rendered service, run with the environment of the tests."""

from pathlib import Path
from shlex import quote

from .projects import BIN, execute, run

# In place of the service's own environment, whose installation takes long: the one of these tests. What `uv run` does
# is left to test_outdated_with_the_real_uv.
TOOL = '#!/bin/sh\nexec {tool} "$@"\n'
UV = """#!/bin/sh
export UV="$PWD/.venv/bin/uv"
if [ "$1" = run ]; then while [ "$1" != --script ]; do shift; done; shift; exec {python} "$@"; fi
"""


def use_this_environment(service: Path) -> None:
    folder = service / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("alembic", "mypy", "pytest", "python", "ruff"):
        (folder / name).write_text(TOOL.format(tool=quote(str(BIN / name))))
    (folder / "uv").write_text(UV.format(python=quote(str(BIN / "python"))))
    for file in folder.iterdir():
        file.chmod(0o755)


def make(service: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    return execute(service, "make", "--silent", *arguments, **environment)


def domain(service: Path, **given: str) -> str:
    """What `make domain` prints."""
    return run(service, "python", "-m", "scripts.domain", **given)
