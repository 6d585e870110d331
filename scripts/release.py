"""Make a release: `make release VERSION=1.2.0`, or VERSION=patch, minor, major."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import yaml
from jinja2 import Environment, meta

from testkit.releases import WORKING_TREE, build_history, questions, releases

ROOT = Path(__file__).parents[1]
# What is compared with the last release, as far as that knows the questions.
COMBINATIONS: list[dict[str, str | bool]] = [
    {},
    {"package_name": "shop", "python_version": "3.14"},
    {"soft_delete": True, "audit_log": True, "primary_key": "uuid7", "db_schema": "catalog"},
    {"example": False, "docker": False, "ci": "gitlab"},
    {"scope": "database"},
]
# Copier's own: it knows the filters that a default may use.
JINJA = Environment(extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])  # noqa: S701


def next_version(last: str, wanted: str) -> str:
    """The version that is meant by a number or by patch, minor, major. Raises ValueError for one that is not newer."""
    major, minor, patch = (int(part) for part in last.split("."))
    bumps = {"patch": (major, minor, patch + 1), "minor": (major, minor + 1, 0), "major": (major + 1, 0, 0)}
    if wanted in bumps:
        return ".".join(str(part) for part in bumps[wanted])
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", wanted):
        raise ValueError(f"{wanted!r} is no version: say VERSION=1.2.3, patch, minor or major.")
    if [int(part) for part in wanted.split(".")] <= [major, minor, patch]:
        raise ValueError(f"{wanted} is not newer than {last}.")
    return wanted


def missing_files(history: Path, old: str, new: str) -> list[str]:
    """What the old release renders and the new one does not: an update deletes it, with the user's lines in it."""
    missing: set[str] = set()
    for answers in COMBINATIONS:
        if answers.keys() <= questions(old):
            missing |= rendered(history, old, answers) - rendered(history, new, answers)
    return sorted(missing)


def rendered(history: Path, version: str, answers: dict[str, str | bool]) -> set[str]:
    with TemporaryDirectory() as folder:
        copier.run_copy(str(history), folder, vcs_ref=version, data=answers, defaults=True, quiet=True, overwrite=True)
        return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def unanswerable(config: dict[str, Any], known: set[str]) -> list[str]:
    """New questions that an older project cannot answer: no default, or one that needs an answer that comes later."""
    problems, before = [], set(known)
    for name, question in config.items():
        if name.startswith("_"):
            continue
        variables = meta.find_undeclared_variables(JINJA.parse(str(question.get("default", ""))))
        if name not in known and ("default" not in question or not variables <= before):
            problems.append(name)
        before.add(name)
    return problems


def breaks(history: Path, last: str) -> list[str]:
    """Why the working tree needs a major version, in words."""
    dropped = questions(last) - questions(WORKING_TREE)
    return [
        *(f"{file} is no longer rendered at its place." for file in missing_files(history, last, WORKING_TREE)),
        *(f"The question {name} was dropped or renamed." for name in sorted(dropped)),
    ]


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def release(wanted: str, test: Callable[[], bool]) -> str:
    """Check, write the heading, commit and tag. The version. Raises ValueError with what is in the way."""
    last = list(releases())[-1]
    version = next_version(last, wanted)
    if uncommitted := git("status", "--short"):
        raise ValueError(f"{uncommitted}A release is made from what is committed.")
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text()
    if not re.search(r"^## Unreleased\n\n- ", text, re.MULTILINE):
        raise ValueError("CHANGELOG.md has no `## Unreleased` that says what happens in people's projects.")
    if new := unanswerable(yaml.safe_load((ROOT / "copier.yml").read_text()), questions(last)):
        raise ValueError(
            f"Projects of {last} cannot answer: {', '.join(new)}. Give a default that needs no new answer."
        )
    with TemporaryDirectory() as history:
        build_history(Path(history))
        found = breaks(Path(history), last)
    if found and version.split(".")[0] == last.split(".")[0]:
        raise ValueError(
            "\n".join([*found, f"{version} must not do that: make a major version, or keep the old place."])
        )
    if not test():
        raise ValueError("The tests fail.")
    changelog.write_text(text.replace("## Unreleased\n", f"## {version}\n", 1))
    moves = ROOT / "updater" / "moves.yml"
    moves.write_text(re.sub("^unreleased:$", f"{version}:", moves.read_text(), flags=re.MULTILINE))
    git("commit", "--quiet", "--message", f"Release {version}", "--", "CHANGELOG.md", "updater/moves.yml")
    git("tag", "--annotate", "--message", f"Release {version}", version)
    return version


if __name__ == "__main__":
    try:
        made = release(sys.argv[1], lambda: subprocess.run(["make", "test"], cwd=ROOT).returncode == 0)
    except ValueError as error:
        sys.exit(str(error))
    print(f"Released {made}. Publish it: git push --follow-tags")
