"""A project keeps its answers: no check that came later applies to them, and none is silently replaced."""

import re
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from testkit.edits import replace
from testkit.projects import ROOT, commit, run
from testkit.refused import REFUSED
from testkit.releases import NEXT, WORKING_TREE, export, releases, tag
from testkit.updates import bare_update, case, start, update

pytestmark = [pytest.mark.updates, pytest.mark.slow]

AFTER_NEXT = "10001.0.0"


def recorded(project: Path) -> dict[str, Any]:
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return {name: answer for name, answer in answers.items() if not name.startswith("_")}


def accepted(folder: Path, version: str) -> list[dict[str, str]]:
    """What a release accepted of all that is refused today, as the answers of few projects."""
    projects: list[dict[str, str]] = []
    release = folder / "release"  # as a plain folder, which Copier does not clone each time
    release.mkdir(parents=True)
    export(releases()[version], release)
    for number, (answers, _) in enumerate(REFUSED):
        project = folder / str(number)
        try:
            copier.run_copy(
                str(release),
                project,
                answers,
                defaults=True,
                quiet=True,
                exclude=["*", "!/.copier-answers.yml"],
            )
        except ValueError:
            continue
        # A release also took answers to questions that it did not ask, and did not record them.
        if answers.items() <= recorded(project).items():
            layer = answers.get("scope") == "database"
            for other in projects:
                if layer == ("scope" in other) and not other.keys() - {"scope"} & answers.keys():
                    other.update(answers)
                    break
            else:
                projects.append(dict(answers))
    return projects


def release_with(history: Path, folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A template with one more release."""
    template = folder / "template"
    run(folder, "git", "clone", "--quiet", str(history), str(template))
    for file, old, new in changes:
        replace(template / file, old, new)
    tag(template, AFTER_NEXT)
    return template


def follow(project: Path, template: Path) -> None:
    """Let the project be updated from this template."""
    answers = project / ".copier-answers.yml"
    replace(answers, str(yaml.safe_load(answers.read_text())["_src_path"]), str(template))
    commit(project, "Follow the template")


@pytest.mark.parametrize(
    ("version", "projects"),
    [case(list(releases())[-1], 2, sample=True), *(case(version, None, sample=False) for version in releases())],
)
def test_an_answer_of_an_older_release_stays(history: Path, tmp_path: Path, version: str, projects: int | None) -> None:
    found = accepted(tmp_path / "tried", version)
    assert "<<<<<<< ours" in {answers.get("description") for answers in found}
    for number, answers in enumerate(found[:projects]):
        project = start(history, tmp_path / str(number), version, **answers)
        before = recorded(project)
        # The second update also renders the first one's release, by the checks of today, with these answers.
        for target in (WORKING_TREE, NEXT):
            status, said = update(project, target)
            assert run(project, "git", "ls-files", "--unmerged") == ""  # the description holds a marker
            # The example of release 1 uses names that moved.
            assert status == ("Names that moved:" in said), said
            commit(project, target)
            assert before.items() <= recorded(project).items()
        assert len([file for file in project.glob("**/database") if "tests" not in file.parts]) == 1


def test_a_name_that_becomes_reserved_does_not_rename_the_package(history: Path, tmp_path: Path) -> None:
    project = start(history, tmp_path / "project", WORKING_TREE, package_name="shop")
    template = release_with(history, tmp_path, ("includes/reserved.jinja", " tests\n", " tests shop\n"))
    with pytest.raises(ValueError, match="shop is the name of"):
        copier.run_copy(str(template), tmp_path / "new", {"package_name": "shop"}, defaults=True, quiet=True)
    follow(project, template)
    bare_update(project, AFTER_NEXT)
    assert recorded(project)["package_name"] == "shop"
    assert [folder.name for folder in (project / "src").iterdir()] == ["shop"]


def test_a_recorded_answer_that_is_no_longer_possible_is_refused(history: Path, tmp_path: Path) -> None:
    """Copier would silently take the default in its place."""
    project = start(history, tmp_path / "project", WORKING_TREE, python_version="3.11")
    template = release_with(
        history,
        tmp_path,
        ("copier.yml", 'choices: ["3.11", "3.12",', 'choices: ["3.12",'),
        ("copier.yml", 'default: "3.11"', 'default: "3.12"'),
    )
    follow(project, template)
    with pytest.raises(ValueError, match=r'The recorded answer "3\.11" is not possible here. Answer again: -d'):
        bare_update(project, AFTER_NEXT)
    assert run(project, "git", "status", "--short") == ""
    bare_update(project, AFTER_NEXT, python_version="3.13")
    assert recorded(project)["python_version"] == "3.13"


def test_the_answer_to_a_dropped_question_is_no_typing_error(history: Path, tmp_path: Path) -> None:
    project = start(history, tmp_path / "project", WORKING_TREE)
    question = re.findall(r"^ci:\n(?:  .*\n|\n)+", (ROOT / "copier.yml").read_text(), re.MULTILINE)[0]
    template = release_with(
        history,
        tmp_path,
        ("copier.yml", question, ""),
        ("includes/checks.jinja", " example docker kubernetes ci'", " example docker kubernetes'"),
    )
    follow(project, template)
    bare_update(project, AFTER_NEXT)
    assert (project / ".github" / "workflows" / "ci.yml").exists()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"import_name": "os"}, 'There is no question "import_name" with scope=service'),
        ({"package_dir": "app"}, 'There is no question "package_dir" with scope=service'),
        ({"soft_delete": "maybe"}, 'soft_delete takes true or false, not "maybe"'),
        ({"db_schema": "public"}, "Leave the answer empty for the schema public"),
    ],
)
def test_an_answer_given_with_an_update_is_checked(
    history: Path, tmp_path: Path, answers: dict[str, str], message: str
) -> None:
    project = start(history, tmp_path / "project", WORKING_TREE, package_name="shop")
    with pytest.raises(ValueError, match=message):
        bare_update(project, NEXT, **answers)
    assert run(project, "git", "status", "--short") == ""
