"""Services made from a release, edited and updated."""

import subprocess
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import copier
import pytest
import yaml

from .edits import ALL, EVERYDAY, lines_of_mine
from .projects import BIN, ROOT, clean_environment, commit, run
from .releases import NEXT, WORKING_TREE, releases

TARGETS = dict.fromkeys(releases(), WORKING_TREE) | {WORKING_TREE: NEXT}


def case(*values: object, sample: bool) -> object:
    """A test's parameters. `make test` runs those of the sample, `make test-updates` all of them."""
    return pytest.param(*values, marks=[] if sample else pytest.mark.exhaustive)


def start(history: Path, folder: Path, version: str, **answers: str | bool) -> Path:
    """A service made from a release, and committed."""
    copytree(started(history, version, tuple(answers.items())), folder, dirs_exist_ok=True)
    return folder


@cache
def started(history: Path, version: str, answers: tuple[tuple[str, str | bool], ...]) -> Path:
    """Rendered once for all tests that begin with it."""
    folder = Path(mkdtemp(dir=history.parent))
    copier.run_copy(str(history), folder, vcs_ref=version, data=dict(answers), defaults=True, quiet=True)
    commit(folder, f"From {version}")
    return folder


def update(service: Path, version: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the newest updater, as `make update` does, but without the tests. Its status, and what it prints."""
    answers_file = arguments[arguments.index("-a") + 1] if "-a" in arguments else ".copier-answers.yml"
    template = yaml.safe_load((service / answers_file).read_text())["_src_path"]
    process = subprocess.run(
        [BIN / "python", "-m", "testkit.updater", template, "--no-tests", "--to", version, *arguments],
        cwd=service,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert "Traceback" not in process.stdout, process.stdout
    return process.returncode, process.stdout


def bare_update(service: Path, version: str, **answers: str | bool) -> None:
    """As `copier update --defaults`, without --trust."""
    copier.run_update(service, vcs_ref=version, data=answers, defaults=True, overwrite=True, quiet=True)


def conflicts(service: Path) -> set[str]:
    """The files with conflicts. Each is one for git, and it or its neighbour holds the markers."""
    unmerged = {line.split("\t")[1] for line in run(service, "git", "ls-files", "--unmerged").splitlines()}
    marked = subprocess.run(["git", "grep", "-lE", "^(<<<<<<<|>>>>>>>) "], cwd=service, capture_output=True, text=True)
    assert {file.removesuffix(".conflict") for file in marked.stdout.splitlines()} == unmerged
    assert list(service.rglob("*.rej")) == []
    return unmerged


def lost(before: Counter[str], service: Path) -> Counter[str]:
    return before - lines_of_mine(service)


def edited(history: Path, folder: Path, version: str, edits: Iterable[str] = EVERYDAY, **answers: str | bool) -> Path:
    service = start(history, folder, version, **answers)
    for edit in edits:
        ALL[edit](service)
        if run(service, "git", "status", "--short"):  # not where the example that would be changed is gone
            commit(service, edit)
    return service


def use_new_names(service: Path) -> None:
    """Do what the message of the step from release 1 says of names that moved."""
    for file in service.rglob("*.py"):
        text = file.read_text().replace("problems import problem_responses", "errors import error_responses")
        file.write_text(text.replace("problem_responses(", "error_responses("))
