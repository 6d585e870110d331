"""The releases, found in git's history, as a template repository with a tag for each."""

import re
import subprocess
from functools import cache
from pathlib import Path

from .projects import PARTS, ROOT, commit, copy_working_tree, run


def headings(commit: str) -> list[str]:
    """The releases that the commit's CHANGELOG names, newest first."""
    show = ["git", "show", f"{commit}:CHANGELOG.md"]
    changes = subprocess.run(show, cwd=ROOT, capture_output=True, text=True).stdout
    return re.findall(r"^## (\d+\.\d+\.\d+)$", changes, re.MULTILINE)


@cache
def releases() -> dict[str, str]:
    """The commit of each release, oldest first: the newest that has the heading and whose parent has not."""
    found: dict[str, str] = {}
    for line in run(ROOT, "git", "log", "--format=%H %P", "HEAD", "--", "CHANGELOG.md").splitlines():
        this, *parents = line.split()
        before = {heading for parent in parents for heading in headings(parent)}
        for version in headings(this):
            if version not in before:
                found.setdefault(version, this)
    return dict(sorted(found.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def export(revision: str, folder: Path) -> None:
    """Put the template of this revision in the place of what is in the folder."""
    run(folder, "git", "init", "--quiet", "--initial-branch=main")
    run(folder, "git", "rm", "-r", "--quiet", "--ignore-unmatch", ".")
    archive = subprocess.Popen(["git", "archive", revision, *PARTS], cwd=ROOT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "--extract"], cwd=folder, stdin=archive.stdout, check=True)
    assert archive.wait() == 0


def build_history(folder: Path) -> None:
    """A commit and a tag for each release, then the working tree as the newest of all."""
    for version, revision in releases().items():
        export(revision, folder)
        commit(folder, f"Release {version}")
        run(folder, "git", "tag", version)
    run(folder, "git", "rm", "-r", "--quiet", "--ignore-unmatch", ".")
    copy_working_tree(folder)
    commit(folder, "The working tree")
    run(folder, "git", "tag", "9999.0.0")
