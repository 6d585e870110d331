"""What is asked, what is refused, and what hostile answers do."""

import keyword
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from tomllib import loads as parse_toml
from typing import Any

import pytest
import yaml
from copier import run_copy
from packaging.requirements import Requirement

from testkit.projects import BIN, ROOT, clean_environment, commit, run, tree
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

    def refuse(**answers: str) -> str:
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


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("package_name=", 'package_name\': "" is no package name: write lower-case letters, digits'),
        ("package_name=Shop", '"Shop" is no package name'),
        ("package_name=2shop", '"2shop" is no package name'),
        ("package_name=my-shop", '"my-shop" is no package name'),
        ("package_name=shop\n", r'"shop\n" is no package name'),
        ("package_name=../shop", '"../shop" is no package name'),
        ("package_name=büch", "is no package name"),
        ("package_name=class", "class is the name of a Python module, a keyword or a dependency: write another"),
        ("package_name=asyncio", "asyncio is the name of a Python module"),
        ("package_name=sqlalchemy", "such as sqlalchemy_service"),
        ("package_name=tests", "tests is the name of a Python module"),
        (f"package_name={'x' * 51}", "Write at most 50 characters"),
        ("project_name=", "Write a name, such as Book Shop"),
        ("project_name= ", "Write a name, such as Book Shop"),
        ("project_name=two\nlines", "Write one line, without control characters"),
        ("project_name=\x1b[31mred", "Write one line, without control characters"),
        ("project_name=\uffff", "Write one line, without control characters"),
        ("project_name=\udcff", "Write one line, without control characters"),
        (f"project_name={'x' * 201}", "Write at most 200 characters"),
        ("description=", "Write a sentence"),
        ("description=two\u2028lines", "Write one line, without control characters"),
        ("description=\u202etfel ot thgir", "Write one line, without control characters"),
        ("python_version=3.9", "'3.9' is not in ['3.11', '3.12', '3.13', '3.14']"),
        ("python_version=newest", "'newest' is not in ['3.11', '3.12', '3.13', '3.14']"),
        ("pakage_name=shop", 'There is no question "pakage_name". The questions are: scope, package_dir'),
        ("import_name=os; os.abort()", 'There is no question "import_name"'),
    ],
)
def test_a_bad_answer_is_refused(refuse: Refuse, answer: str, message: str) -> None:
    question, _, text = answer.partition("=")
    assert message in refuse(**{question: text})


def test_a_refusal_ends_with_the_message_and_a_status(template: Path, tmp_path: Path) -> None:
    status, message = copier("copy", "--defaults", "-d", "package_name=class", template, "shop", folder=tmp_path)
    assert (status, tree(tmp_path)) == (1, {})
    assert message.strip().splitlines()[-1].endswith("write another, such as class_service.")


def test_the_check_for_unknown_answers_knows_the_questions(refuse: Refuse) -> None:
    known = refuse(no_question="1").partition("The questions are: ")[2].rstrip(".").split(", ")
    assert set(known) == set(QUESTIONS)


@pytest.mark.parametrize("file", ["main.py", ".env", "src/shop/main.py", "a/b/c/d.txt", ".github/workflows/ci.yml"])
def test_a_folder_that_is_not_empty_is_refused(refuse: Refuse, tmp_path: Path, file: str) -> None:
    (tmp_path / "shop" / file).parent.mkdir(parents=True)
    (tmp_path / "shop" / file).write_text("mine")
    assert f"The folder shop is not empty, it holds shop/{file}. Name an empty one or a new one" in refuse()


def test_a_folder_with_a_strange_name_is_refused_when_it_is_not_empty(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "[a-z]*"
    folder.mkdir()
    (folder / "main.py").write_text("mine")
    status, message = copier("copy", "--defaults", template, "[a-z]*", folder=tmp_path)
    assert (status, list(tree(folder))) == (1, ["main.py"])
    assert "it holds [a-z]*/main.py" in message
    status, message = copier("copy", "--defaults", template, ".", folder=folder)
    assert (status, list(tree(folder))) == (1, ["main.py"])
    assert "it holds ./main.py" in message


@pytest.mark.parametrize("git", ["repository", "worktree", "none"])
def test_an_empty_folder_is_accepted(template: Path, tmp_path: Path, git: str) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    if git == "repository":
        run(folder, "git", "init")
    elif git == "worktree":
        (folder / ".git").write_text("gitdir: elsewhere")
    assert copier("copy", "--defaults", template, "shop", folder=tmp_path)[0] == 0


def test_a_project_is_written_over_on_demand_only(template: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    assert copier("copy", "--defaults", template, "shop", folder=tmp_path)[0] == 0
    (shop / "Makefile").write_text("mine")
    before = tree(shop)
    commands: list[list[str | Path]] = [["copy", template, "."], ["recopy", "."]]
    for command in commands:
        status, message = copier(*command, "--defaults", folder=shop)
        assert (status, tree(shop)) == (1, before)
        assert "or say --overwrite to write over it." in message
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


def test_python_and_the_dependencies_are_reserved(render: Render) -> None:
    reserved = set((ROOT / "includes" / "reserved.jinja").read_text().split())
    pyproject = parse_toml((render() / "pyproject.toml").read_text())
    installed = dependencies(pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"])
    modules = {module for module, owners in packages_distributions().items() if installed & {name(o) for o in owners}}
    names = {word.lower() for word in (*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist, *modules)}
    assert {word for word in names - reserved if word.isidentifier() and word[0] != "_"} == set()


def dependencies(requirements: list[str]) -> set[str]:
    """The distributions that these requirements install, with all that they require in turn."""
    found: set[str] = set()
    open_requirements = [Requirement(text) for text in requirements]
    while open_requirements:
        requirement = open_requirements.pop()
        if name(requirement.name) in found:
            continue
        found.add(name(requirement.name))
        for text in distribution(requirement.name).requires or ():
            needed = Requirement(text)
            if not needed.marker or any(
                needed.marker.evaluate({"extra": extra}) for extra in {"", *requirement.extras}
            ):
                open_requirements.append(needed)
    return found


def name(distribution: Any) -> str:
    return str(distribution).lower().replace("_", "-").replace(".", "-")
