"""Answers come from people: each is refused, or the service says exactly what was answered."""

import ast
from pathlib import Path
from tempfile import TemporaryDirectory
from tomllib import loads as parse_toml

import pytest
import yaml
from copier import run_copy
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from testkit.projects import copy_working_tree, run

# What means something to Python, TOML, YAML, Jinja, a terminal or an editor.
PUNCTUATION = "'\"\\{}%#$:&*!|>?[],=~`<- 7Nae"
SYNTAX = ["{{ 7*7 }}", "{% raw %}", "{# x", "'''", '"""', "\\N", "${x}", ": ", " #", "!!str ", "yes", "null"]
LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
pieces = st.text(PUNCTUATION, max_size=10) | st.sampled_from(SYNTAX) | st.text(LETTERS, max_size=10)
# One in five may hold anything, such as control characters and half characters, and is mostly refused.
texts = st.one_of([st.lists(pieces, min_size=1, max_size=12).map("".join)] * 4 + [st.text(max_size=201)])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The template, not in git: Copier has nothing to clone, and an example takes half the time."""
    folder = tmp_path_factory.mktemp("files")
    copy_working_tree(folder)
    return str(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(project_name=texts, description=texts)
@example(project_name="'\"\\' {{ 7*7 }}", description='"\' \\" {{ 7*7 }} # [x] = "y"')
@example(project_name='Say "yes"', description="It's \\ a: [b]")
@example(project_name="yes", description="1.0")
@example(project_name="😀" * 200, description="書" * 200)
@example(project_name="\u2013 \u0430", description="\u2018quoted\u2019")
@example(project_name="\ud800", description="x")
@example(project_name="x", description="\ufeff")
def test_a_text_is_refused_or_said(files: str, project_name: str, description: str) -> None:
    with TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        answers = {"project_name": project_name, "package_name": "shop", "description": description}
        refusal = render(files, project, answers)
        if refusal:
            assert refusal.startswith("Validation error for question")
            assert not project.exists()
            return
        assert parse_toml((project / "pyproject.toml").read_text())["project"]["description"] == description
        assert (project / "README.md").read_text().startswith(f"# {project_name}\n\n{description}\n")
        written = yaml.safe_load((project / ".copier-answers.yml").read_text())
        assert {name: written[name] for name in answers} == answers
        for file in project.rglob("*.y*ml"):
            list(yaml.safe_load_all(file.read_text()))
        title, text = (keyword_argument(project / "src/shop/main.py", name) for name in ("title", "description"))
        assert (title, text) == (project_name, description)
        run(project, "ruff", "check", "src/shop/main.py")
        run(project, "ruff", "format", "--check", "src/shop/main.py")


def render(files: str, project: Path, answers: dict[str, str]) -> str:
    """Render, or say why not."""
    try:
        run_copy(files, project, data=answers, defaults=True, quiet=True)
    except ValueError as refusal:
        return str(refusal)
    return ""


def keyword_argument(file: Path, name: str) -> object:
    """The value of the first argument of this name."""
    found = (
        node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.keyword) and node.arg == name
    )
    return ast.literal_eval(next(found).value)
