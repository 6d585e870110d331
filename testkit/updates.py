"""Services made from a release, edited and updated."""

import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import copier

from .edits import ALL, EVERYDAY, lines_of_mine
from .projects import commit, run
from .releases import NEXT, WORKING_TREE, releases

TARGETS = dict.fromkeys(releases(), WORKING_TREE) | {WORKING_TREE: NEXT}


def start(history: Path, folder: Path, version: str, **answers: str | bool) -> Path:
    """A service made from a release, and committed."""
    copier.run_copy(str(history), folder, vcs_ref=version, data=answers, defaults=True, quiet=True)
    commit(folder, f"From {version}")
    return folder


def update(service: Path, version: str, **answers: str | bool) -> None:
    """As `copier update --defaults`, without --trust."""
    copier.run_update(service, vcs_ref=version, data=answers, defaults=True, overwrite=True, quiet=True)


def conflicts(service: Path) -> set[str]:
    """The files with conflicts. Each is one for git, and holds the markers; no change lies beside its file."""
    unmerged = {line.split("\t")[1] for line in run(service, "git", "ls-files", "--unmerged").splitlines()}
    marked = subprocess.run(["git", "grep", "-lE", "^(<<<<<<<|>>>>>>>) "], cwd=service, capture_output=True, text=True)
    assert set(marked.stdout.splitlines()) == unmerged
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
