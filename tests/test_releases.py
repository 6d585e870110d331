"""Releases: found by their headings, made from what is committed, and kept from breaking the projects of others."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import release as script
from testkit.projects import PARTS, ROOT, commit, copy_working_tree, run
from testkit.releases import WORKING_TREE, questions, releases
from updater.moves import Moves

pytestmark = pytest.mark.updates


def test_releases_are_found_by_their_headings() -> None:
    assert next(iter(releases())) == "1.0.0"
    for version, revision in releases().items():
        assert f"\n## {version}\n" in run(ROOT, "git", "show", f"{revision}:CHANGELOG.md")
        assert f"\n## {version}\n" not in run(ROOT, "git", "show", f"{revision}^:CHANGELOG.md")


def test_no_project_is_broken_without_a_word(history: Path) -> None:
    """What needs a major version says so below Unreleased, in a line that begins with `Breaking:`."""
    last = list(releases())[-1]
    unreleased = (ROOT / "CHANGELOG.md").read_text().partition(f"\n## {last}\n")[0]
    assert "\n- Breaking: " in unreleased or script.breaks(history, last) == []
    assert script.unanswerable(yaml.safe_load((ROOT / "copier.yml").read_text()), questions(last)) == []


def test_a_moved_file_and_a_dropped_question_break(history: Path, tmp_path: Path, monkeypatch: Any) -> None:
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    run(template, "git", "checkout", "--quiet", WORKING_TREE)
    (template / "template" / "compose.yaml").rename(template / "template" / "docker-compose.yaml")
    run(template, "git", "add", "--all")
    run(template, "git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "-m", "Move")
    run(template, "git", "tag", "--force", WORKING_TREE)
    monkeypatch.setattr(script, "questions", lambda version: {"old"} if version == "1.0.0" else {"new"})
    found = script.breaks(template, "1.0.0")
    assert "compose.yaml is no longer rendered at its place." in found
    assert "The question old was dropped or renamed." in found


@pytest.mark.parametrize(
    ("version", "answers"),
    [
        (version, answers)
        for version in releases()
        for answers in script.COMBINATIONS
        if answers.keys() <= questions(version)
    ],
    ids=str,
)
def test_each_path_that_is_gone_is_in_the_map_of_moves(
    history: Path, version: str, answers: dict[str, str | bool]
) -> None:
    """Without an entry, an update could not carry a user's edits along."""
    before, after = (script.rendered(history, name, answers) for name in (version, WORKING_TREE))
    package = str(answers.get("package_dir", f"src/{answers.get('package_name', 'my_service')}"))
    package = "app" if answers.get("scope") == "database" else package
    moves = Moves(package, version)
    for path in before - after:
        places = moves.paths(path)
        assert places is not None, f"{path} is not in updater/moves.yml"
        assert set(places) & after or not places, f"{path}: none of {places} is rendered"


@pytest.mark.parametrize(
    ("question", "problems"),
    [
        ({"default": "{{ old }}-x"}, []),
        ({"default": True}, []),
        ({"type": "str"}, ["new"]),
        ({"default": "{{ later }}"}, ["new"]),
    ],
)
def test_a_new_question_has_an_answer_in_old_projects(question: dict[str, Any], problems: list[str]) -> None:
    config = {"old": {"default": 1}, "new": question, "later": {"default": 1}}
    assert script.unanswerable(config, {"old"}) == problems


@pytest.mark.parametrize(
    ("wanted", "version"), [("patch", "1.2.4"), ("minor", "1.3.0"), ("major", "2.0.0"), ("1.10.0", "1.10.0")]
)
def test_next_version(wanted: str, version: str) -> None:
    assert script.next_version("1.2.3", wanted) == version


@pytest.mark.parametrize(("wanted", "message"), [("1.2.3", "not newer"), ("0.9.0", "not newer"), ("v2", "no version")])
def test_no_version(wanted: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        script.next_version("1.2.3", wanted)


def test_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy of this repository: refused with uncommitted work or failing tests, then made."""
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(ROOT), str(clone))
    run(clone, "git", "config", "user.name", "Nobody")
    run(clone, "git", "config", "user.email", "nobody@example.com")
    for part in PARTS:
        shutil.rmtree(clone / part) if (clone / part).is_dir() else (clone / part).unlink()
    copy_working_tree(clone)
    text = (clone / "CHANGELOG.md").read_text()
    if "## Unreleased" not in text:
        (clone / "CHANGELOG.md").write_text(text.replace("\n## ", "\n## Unreleased\n\n- New.\n\n## ", 1))
    monkeypatch.setattr(script, "ROOT", clone)
    if run(clone, "git", "status", "--short"):
        with pytest.raises(ValueError, match="made from what is committed"):
            script.release("minor", lambda: True)
        commit(clone, "The working tree")
    before = run(clone, "git", "rev-parse", "HEAD")
    with pytest.raises(ValueError, match="The tests fail"):
        script.release("major", lambda: False)
    assert run(clone, "git", "rev-parse", "HEAD") == before
    version = script.release("major", lambda: True)
    assert run(clone, "git", "tag", "--points-at", "HEAD").split() == [version]
    assert run(clone, "git", "log", "-1", "--format=%s").strip() == f"Release {version}"
    assert f"\n## {version}\n" in run(clone, "git", "show", "HEAD:CHANGELOG.md")
    assert "## Unreleased" not in run(clone, "git", "show", "HEAD:CHANGELOG.md")
    assert "\nunreleased:" not in run(clone, "git", "show", "HEAD:updater/moves.yml")
    assert run(clone, "git", "status", "--short") == ""
