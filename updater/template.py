"""The template: its releases, what it rendered for a project, and what a release renders in its place."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from .process import RefusedError, isolated, output
from .project import File, Tree

ROOT = Path(__file__).resolve().parents[1]
# Where an answer says where files are. See docs/updating.md for how to change one by hand.
FIXED = ("scope", "package_name", "package_dir", "example")
# With this the template knows that its own updater asks: see `refuse_bare_step` in includes/checks.jinja.
MARK = "_updater=1"


def git(*arguments: str) -> str:
    return output("git", *arguments, cwd=ROOT, env=isolated()).decode().strip()


@cache
def repository() -> str:
    """The git folder of the template. Copier clones it once more for each release."""
    return git("rev-parse", "--path-format=absolute", "--git-common-dir")


def number(tag: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", tag))


def newest() -> str:
    """The newest release, or the commit that is checked out where the template has none."""
    tags = [tag for tag in git("tag", "--list").splitlines() if re.fullmatch(r"v?\d+(\.\d+)*", tag)]
    return max(tags, key=number, default=git("rev-parse", "HEAD"))


def known(revision: str) -> bool:
    try:
        git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except RefusedError:
        return False
    return True


def release_of(revision: str) -> str:
    """The newest release that is part of this revision, or nothing."""
    try:
        return git("describe", "--tags", "--abbrev=0", revision)
    except RefusedError:
        return ""


def contains(revision: str, other: str) -> bool:
    """Whether one revision has all of the other."""
    try:
        git("merge-base", "--is-ancestor", other, revision)
    except RefusedError:
        return False
    return True


def show(revision: str, path: str) -> str:
    return git("show", f"{revision}:{path}")


def changes(current: str, target: str) -> str:
    """What the CHANGELOG says of the releases after the current one."""
    text = show(target, "CHANGELOG.md")
    newer = re.split(rf"^## {re.escape(current.removeprefix('v'))}$", text, flags=re.MULTILINE)[0]
    return newer[newer.find("\n## ") :].strip()


def questions(revision: str) -> set[str]:
    return {name for name in yaml.safe_load(show(revision, "copier.yml")) if not name.startswith("_")}


def render(
    current: str, target: str, answers: Mapping[str, Any], answers_file: str, data: Mapping[str, Any]
) -> tuple[Tree, Tree, str]:
    """What the current release rendered from the answers, what the target makes of that, and what Copier says of it.

    Copier updates what nobody has edited, so its own rules hold for what an update adds, excludes and removes.
    """
    with TemporaryDirectory(prefix="update-") as temporary:
        # Copier's own name for such a folder: the template does not check recorded answers anew in there.
        unchecked = Path(temporary) / "copier._main.old_copy." / "project"
        folder = Path(temporary) / "project"
        given = Path(temporary) / "answers.yml"
        known_answers = {name: answer for name, answer in answers.items() if name in questions(current)}
        given.write_text(yaml.safe_dump(known_answers))
        common = ("--defaults", f"--answers-file={answers_file}")
        copier("copy", "--quiet", f"--vcs-ref={current}", f"--data-file={given}", *common, repository(), str(unchecked))
        unchecked.rename(folder)
        base = read(folder)
        for command in (("init", "--quiet"), ("add", "--all", "--force"), ("commit", "--quiet", "--message=base")):
            output("git", *command, cwd=folder, env=isolated())
        given.write_text(yaml.safe_dump(dict(data)))
        said = copier("update", f"--vcs-ref={target}", f"--data={MARK}", f"--data-file={given}", *common, str(folder))
        return base, read(folder), said


def copier(*arguments: str) -> str:
    """Run Copier. What it says; raises RefusedError with what is not a traceback in that."""
    command = [sys.executable, "-m", "copier", *arguments]
    process = subprocess.run(command, env=isolated() | {"NO_COLOR": "1"}, capture_output=True, text=True)
    if process.returncode:
        said = process.stderr.strip().splitlines() or ["no message"]
        last = max((i for i, line in enumerate(said) if re.match(r"\w*(\.\w+)*Error: ", line)), default=len(said) - 1)
        raise RefusedError(re.sub(r"^[\w.]+Error: ", "", " ".join(line.strip() for line in said[last:])))
    return process.stderr


def read(folder: Path) -> Tree:
    files = (path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] != ".git")
    return {path.relative_to(folder).as_posix(): File(path.read_bytes(), os.access(path, os.X_OK)) for path in files}
