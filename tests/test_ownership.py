"""docs/ownership.md is true: each rendered file has one owner, and updates keep to it."""

import re
from pathlib import Path

import pytest

from testkit.combinations import SERVICES
from testkit.edits import package
from testkit.projects import ROOT, commit, run, texts
from testkit.releases import NEXT, WORKING_TREE
from testkit.rendering import Render, load_module
from testkit.updates import start, update

pytestmark = pytest.mark.updates

WITHOUT_ANCHOR = {".env.example", "Dockerfile", "alembic.ini", "compose.yaml", "tests/errors.py"}


def owners() -> dict[str, list[str]]:
    """The patterns below each heading."""
    _, *sections = re.split(r"^## ", (ROOT / "docs" / "ownership.md").read_text(), flags=re.MULTILINE)
    return {section.partition("\n")[0]: re.findall(r"^    (\S+)$", section, re.MULTILINE) for section in sections}


def matches(pattern: str, file: str, package_dir: str) -> bool:
    expression = re.escape(pattern.replace("PACKAGE", package_dir)).replace(r"\*\*", ".+").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, file) is not None


def owner(file: str, package_dir: str) -> str:
    (found,) = [name for name, patterns in owners().items() if any(matches(p, file, package_dir) for p in patterns)]
    return found


def test_each_file_has_one_owner(project: Path, combination: str) -> None:
    package_dir = str(SERVICES[combination].get("package_dir", ""))
    package_dir = package_dir or str(package(project).relative_to(project))
    for file, text in texts(project).items():
        anchored = re.search(r"^ *(# Your(s| imports| routers):|<!-- Yours: -->)$", text, re.MULTILINE) is not None
        assert (owner(file, package_dir) == "Shared") == (anchored or file in WITHOUT_ANCHOR), file


def test_make_owners_knows_the_same_owners(render: Render) -> None:
    script = load_module(render(package_name="shop", auth="accounts", kubernetes=True) / "scripts" / "owners.py")
    for name, patterns in {"The template's": script.TEMPLATE, "Shared": script.SHARED}.items():
        assert {pattern.replace("PACKAGE", "src/shop") for pattern in owners()[name]} == set(patterns)


def test_no_pattern_is_left_over(history: Path, tmp_path: Path) -> None:
    files = {
        file
        for number, ci in enumerate(("github", "gitlab"))
        for file in run(
            start(history, tmp_path / str(number), WORKING_TREE, ci=ci, auth="accounts", kubernetes=True),
            *("git", "ls-files"),
        ).split()
    }
    for patterns in owners().values():
        for pattern in patterns:
            assert any(matches(pattern, file, "src/my_service") for file in files), pattern


def test_what_is_yours_is_not_touched_and_does_not_come_back(history: Path, tmp_path: Path) -> None:
    kept, emptied = (start(history, tmp_path / name, WORKING_TREE) for name in ("kept", "emptied"))
    yours = [file for file in run(kept, "git", "ls-files").split() if owner(file, "src/my_service") == "Yours"]
    run(emptied, "git", "rm", "--quiet", *yours)
    commit(emptied, "Delete what is mine")
    for service in (kept, emptied):
        update(service, NEXT)
    changed = run(kept, "git", "status", "--short", "--untracked-files=all").split("\n")
    assert {line[3:] for line in changed} & set(yours) == set()
    assert [file for file in yours if (emptied / file).exists()] == []
