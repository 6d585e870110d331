"""What is asked, what is refused, and what hostile answers do."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from tomllib import loads as parse_toml
from typing import Any

import pytest
import yaml
from copier import run_copy

from testkit.projects import BIN, ROOT, clean_environment, commit, run, tree
from testkit.refused import REFUSED
from testkit.rendering import Render

QUESTIONS = {
    name: question
    for name, question in yaml.safe_load((ROOT / "copier.yml").read_text()).items()
    if not name.startswith("_") and question.get("when") is not False
}


Refuse = Callable[..., str]


def copier(*arguments: str | Path, folder: Path) -> tuple[int, str]:
    """Run copier as a person would: no --trust, no terminal. The status, and what it wrote to stderr."""
    process = subprocess.run(
        [BIN / "copier", *arguments], cwd=folder, env=clean_environment(), input="", capture_output=True, text=True
    )
    return process.returncode, process.stderr


@pytest.fixture
def refuse(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Copy to the folder `shop`, which must be refused and leave all as it was. The message."""
    monkeypatch.chdir(tmp_path)

    def refuse(**answers: Any) -> str:
        before = tree(tmp_path)
        with pytest.raises(ValueError, match=r"Validation error|Invalid choice") as refusal:
            run_copy(str(template), "shop", data=answers, defaults=True, quiet=True)
        assert tree(tmp_path) == before
        return str(refusal.value)

    return refuse


def test_every_question_has_a_default_and_says_what_it_changes() -> None:
    for question in QUESTIONS.values():
        assert question["help"]
        assert "default" in question


def test_the_defaults_need_no_answer_and_no_trust(template: Path, tmp_path: Path) -> None:
    status, messages = copier("copy", "--defaults", template, "shop", folder=tmp_path)
    assert status == 0
    answers = yaml.safe_load((tmp_path / "shop" / ".copier-answers.yml").read_text())
    # Where the package lives is asked with scope=database only.
    assert {name for name in answers if not name.startswith("_")} == set(QUESTIONS) - {"package_dir"}
    assert answers["project_name"] == "My Service"
    assert answers["package_name"] == "my_service"
    assert messages.strip().splitlines()[-3:] == ["cd shop", "make run", "make test"]


@pytest.mark.parametrize(
    ("project_name", "package_name"),
    [
        ("Book Shop", "book_shop"),
        ("Ünïcode 2", "n_code_2"),
        ("42", "service"),
        ("書店", "service"),
        ("Class", "class_service"),
        ("FastAPI", "fastapi_service"),
        ("x" * 200, "x" * 50),
    ],
)
def test_the_package_is_named_after_the_project(render: Render, project_name: str, package_name: str) -> None:
    project = render(project_name=project_name)
    assert (project / "src" / package_name / "main.py").exists()


@pytest.mark.parametrize(("answers", "message"), REFUSED)
def test_a_bad_answer_is_refused(refuse: Refuse, answers: dict[str, str], message: str) -> None:
    assert message in refuse(**answers)


def test_a_refusal_ends_with_the_message_and_a_status(template: Path, tmp_path: Path) -> None:
    status, message = copier("copy", "--defaults", "-d", "package_name=class", template, "shop", folder=tmp_path)
    assert (status, tree(tmp_path)) == (1, {})
    assert message.strip().splitlines()[-1].endswith("Choose another name, such as class_service.")


@pytest.mark.parametrize("scope", ["service", "database"])
def test_the_check_for_unknown_answers_knows_the_questions(refuse: Refuse, scope: str) -> None:
    known = refuse(scope=scope, no_question="1").partition("The questions are: ")[2].rstrip(".").split(", ")
    asked_with_the_other = {
        "service": {"package_dir"},
        "database": {name for name in QUESTIONS if is_for_services(name)},
    }
    assert known == [name for name in QUESTIONS if name not in asked_with_the_other[scope]]


def is_for_services(question: str) -> bool:
    return "scope == 'service'" in str(QUESTIONS[question].get("when"))


@pytest.mark.parametrize("question", [name for name, question in QUESTIONS.items() if question["type"] == "bool"])
@pytest.mark.parametrize("answer", ["maybe", 2, None, ["true"], {"true": 1}])
def test_a_yes_or_no_is_neither_text_nor_a_list(refuse: Refuse, question: str, answer: Any) -> None:
    """Copier takes every text that it does not know for a yes."""
    assert re.search(rf"{question} takes (true or false|one value), not ", refuse(**{question: answer}))


@pytest.mark.parametrize("answer", [True, False, "yes", "No", "1", 0, "on", "F"])
def test_a_yes_or_no_in_other_words(render: Render, answer: Any) -> None:
    written = yaml.safe_load((render(soft_delete=answer) / ".copier-answers.yml").read_text())["soft_delete"]
    assert written is (str(answer).lower() in {"true", "yes", "1", "on"})


@pytest.mark.parametrize("answer", [None, ["a", "b"], {"a": 1}])
def test_a_text_is_one_value(refuse: Refuse, answer: Any) -> None:
    assert "description takes one value, not " in refuse(description=answer)


@pytest.mark.parametrize("file", ["main.py", ".env", "src/shop/main.py", "a/b/c/d.txt", ".github/workflows/ci.yml"])
def test_a_folder_that_is_not_empty_is_refused(refuse: Refuse, tmp_path: Path, file: str) -> None:
    (tmp_path / "shop" / file).parent.mkdir(parents=True)
    (tmp_path / "shop" / file).write_text("mine")
    assert f"The folder shop is not empty: it contains shop/{file}. Name a new or empty folder" in refuse()


def test_a_folder_with_a_strange_name_is_refused_when_it_is_not_empty(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "[a-z]*"
    folder.mkdir()
    (folder / "main.py").write_text("mine")
    status, message = copier("copy", "--defaults", template, "[a-z]*", folder=tmp_path)
    assert (status, list(tree(folder))) == (1, ["main.py"])
    assert "it contains [a-z]*/main.py" in message
    status, message = copier("copy", "--defaults", template, ".", folder=folder)
    assert (status, list(tree(folder))) == (1, ["main.py"])
    assert "it contains ./main.py" in message


@pytest.mark.parametrize("scope", ["service", "database"])
def test_a_destination_that_is_a_file_is_refused(refuse: Refuse, tmp_path: Path, scope: str) -> None:
    (tmp_path / "shop").write_text("mine")
    assert "shop is a file. Name a new or empty folder." in refuse(scope=scope)


def test_a_destination_below_a_file_is_refused(template: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("mine")
    status, message = copier("copy", "--defaults", template, "shop/deep/inside", folder=tmp_path)
    assert (status, tree(tmp_path)) == (1, {"shop": b"mine"})
    assert message.strip().endswith("shop is a file. Name a new or empty folder.")


@pytest.mark.parametrize("target", ["missing", "folder"])
def test_a_destination_that_is_a_link_is_refused(refuse: Refuse, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "shop").symlink_to(target)
    assert f"shop is a link. Name the folder that it points to: {tmp_path / target}" in refuse()


@pytest.mark.parametrize("character", list('$"`%:'))
def test_a_path_that_programs_cannot_use_is_refused(template: Path, tmp_path: Path, character: str) -> None:
    """venv refuses a colon, Alembic interpolates %, and initdb hands its own path to a shell."""
    folder = tmp_path / f"a{character}b"
    folder.mkdir()
    for place in (tmp_path, folder):
        destination = f"{folder.name}/shop" if place == tmp_path else "shop"
        status, message = copier("copy", "--defaults", template, destination, folder=place)
        assert (status, list(folder.iterdir())) == (1, [])
        assert f'The path {folder}/shop contains one of $ " ` % : which' in message


@pytest.mark.parametrize("destination", ["linked/shop", "../work/linked/shop", "linked/../other", "."])
def test_a_link_on_the_way_is_no_obstacle(template: Path, tmp_path: Path, destination: str) -> None:
    folder = tmp_path / "work"
    (folder / "below").mkdir(parents=True)
    start = folder
    if destination == ".":
        (tmp_path / "link").symlink_to(folder / "below")
        start = tmp_path / "link"
    else:
        (folder / "linked").symlink_to(tmp_path)
    status, message = copier("copy", "--defaults", template, destination, folder=start)
    assert status == 0, message


@pytest.mark.parametrize("git", ["repository", "worktree", "none"])
def test_an_empty_folder_is_accepted(template: Path, tmp_path: Path, git: str) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    if git == "repository":
        run(folder, "git", "init")
    elif git == "worktree":
        (folder / ".git").write_text("gitdir: elsewhere")
    assert copier("copy", "--defaults", template, "shop", folder=tmp_path)[0] == 0


def test_a_project_is_overwritten_only_on_request(template: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    assert copier("copy", "--defaults", template, "shop", folder=tmp_path)[0] == 0
    (shop / "Makefile").write_text("mine")
    before = tree(shop)
    commands: list[list[str | Path]] = [["copy", template, "."], ["recopy", "."]]
    for command in commands:
        status, message = copier(*command, "--defaults", folder=shop)
        assert (status, tree(shop)) == (1, before)
        assert "or add --overwrite to replace files." in message
    for command in commands:
        (shop / "Makefile").write_text("mine")
        assert copier(*command, "--defaults", "--overwrite", folder=shop)[0] == 0
        assert (shop / "Makefile").read_text() != "mine"


def test_an_update_is_no_copy_into_a_folder_that_is_not_empty(template: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    assert copier("copy", "--defaults", template, "shop", folder=tmp_path)[0] == 0
    commit(shop, "From the template")
    status, message = copier("update", "--defaults", "-d", "python_version=3.12", folder=shop)
    assert status == 0, message
    assert parse_toml((shop / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.12"


def test_the_template_is_recorded_where_it_can_be_found_again(template: Path, tmp_path: Path) -> None:
    """From `.`, which is another folder for each program."""
    (tmp_path / "near").symlink_to(template)
    for number, (source, folder) in enumerate([(".", template), ("near", tmp_path), (str(template), tmp_path)]):
        shop = tmp_path / f"shop_{number}"
        status, message = copier("copy", "--defaults", source, shop, folder=folder)
        assert status == 0, message
        assert yaml.safe_load((shop / ".copier-answers.yml").read_text())["_src_path"] == str(template)
        assert copier("check-update", shop, folder=tmp_path)[0] == 0


def test_an_address_is_recorded_as_it_is(template: Path, tmp_path: Path) -> None:
    source = f"git+file://{template}"
    assert copier("copy", "--defaults", source, "shop", folder=tmp_path)[0] == 0
    assert yaml.safe_load((tmp_path / "shop" / ".copier-answers.yml").read_text())["_src_path"] == source


def test_make_render_takes_answers_without_a_terminal(tmp_path: Path) -> None:
    shop = tmp_path / "a shop"
    command = ["make", "--assume-old=.venv/ready", "render", f"DEST={shop}"]
    run(ROOT, *command, "ARGS=-d project_name='Book Shop' -d docker=false")
    answers = yaml.safe_load((shop / ".copier-answers.yml").read_text())
    assert (answers["project_name"], answers["docker"], answers["ci"]) == ("Book Shop", False, "github")
    with pytest.raises(AssertionError, match="is not empty: it contains") as refusal:
        run(ROOT, *command)
    assert "Traceback" not in str(refusal.value)
