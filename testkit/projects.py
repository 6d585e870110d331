"""How the tests make and run rendered projects."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copy2

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
# Without the plugins of the template's own environment: importing them takes longer than some suites.
PYTEST = ("pytest", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
# What Copier and `make update` read of this repository.
PARTS = ("CHANGELOG.md", "copier.yml", "includes", "template", "update.py", "updater")


def copy_working_tree(folder: Path, *parts: str) -> None:
    """Copy these parts, or those above, uncommitted changes included."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = run(ROOT, *listing, *(parts or PARTS))
    for file in files.split("\0"):
        if (ROOT / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            copy2(ROOT / file, folder / file)


def commit(folder: Path, message: str) -> None:
    """Commit all that is in the folder. The name and the settings of whoever runs the tests play no part."""
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        nobody |= {f"GIT_{role}_NAME": "Nobody", f"GIT_{role}_EMAIL": "nobody@example.com"}
    run(folder, "git", "init", "--quiet", "--initial-branch=main", **nobody)
    run(folder, "git", "add", "--all", **nobody)
    run(folder, "git", "commit", "--quiet", "--allow-empty", f"--message={message}", **nobody)


def run(project: Path, *command: str, **environment: str) -> str:
    """The output of a command in a project's folder. Fails with the output."""
    status, output = execute(project, *command, **environment)
    assert status == 0, f"{' '.join(command)} ended with {status}:\n{output}"
    return output


def execute(project: Path, *command: str, **environment: str) -> tuple[int, str]:
    """The status and the output of a command in a project's folder, with the tools of the environment of the tests.

    No project has an environment of its own: its package comes from PYTHONPATH.
    """
    process = subprocess.run(
        command,
        cwd=project,
        env=clean_environment() | {"PYTHONPATH": f"{project / 'src'}{os.pathsep}{project}"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process.returncode, process.stdout


def clean_environment() -> dict[str, str]:
    """Without what belongs to the pytest that runs this one, or to somebody's own database."""
    foreign = ("DATABASE_", "TEST_DATABASE_", "PYTEST_", "PYTHON", "GIT_", "MAKE", "VIRTUAL_ENV")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return ours | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}


def tree(folder: Path) -> dict[str, bytes | None]:
    """Each path under the folder, with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def texts(project: Path) -> dict[str, str]:
    files = (path for path in project.rglob("*") if path.is_file())
    return {str(file.relative_to(project)): file.read_text() for file in files}


def outcome(output: str) -> dict[str, int]:
    """The closing line's counts, such as {"passed": 92, "deselected": 46}."""
    return {what: int(count) for count, what in re.findall(r"(\d+) (\w+)[, ]", output.strip().splitlines()[-1])}
