"""The recipes of docs/recipes, run in a rendered service on PostgreSQL: what a page shows is what runs."""

import os
import re
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest

from testkit.edits import replace
from testkit.projects import PYTEST, ROOT, run
from testkit.rendering import Render, add_layer_tests, add_service_tests

RECIPES = ROOT / "docs" / "recipes"
NAMES = sorted(module.stem for module in RECIPES.glob("*.py"))


@pytest.fixture(scope="module")
def service(render: Render) -> Path:
    """A service that has the recipes' modules beside its package, and their tests among its own."""
    project = render(project_name="Shop", soft_delete=True, audit_log=True)
    copytree(RECIPES, project / "recipes", ignore=ignore_patterns("tests", "*.md", "*.txt"))
    copytree(RECIPES / "tests", project / "tests" / "recipes")
    add_layer_tests(project)  # whose proxy counts round trips
    return project


@pytest.mark.slow
def test_recipes(service: Path, postgres: str) -> None:
    """With RECORD=1, what PostgreSQL was asked is written into the pages: see `make recipes`."""
    record = {"RECORD": "1"} if "RECORD" in os.environ else {}
    command = ("pytest", "-p", "no:cacheprovider", "--database=postgres", "tests/recipes")
    output = run(service, *command, TEST_DATABASE_URL=postgres, RECIPES=str(RECIPES), **record)
    assert re.search(r"\d+ passed in", output.splitlines()[-1])


@pytest.mark.slow
def test_recipes_are_typed(service: Path) -> None:
    # With the cache of the services, which holds the libraries.
    cache = ROOT / ".cache" / "mypy" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    run(service, "mypy", "--cache-dir", str(cache), "--explicit-package-bases", "recipes", "tests/recipes")


@pytest.mark.slow
def test_the_suite_of_a_service_follows_another_error_format(render: Render, postgres: str) -> None:
    project = render(project_name="Shop")
    copy(RECIPES / "error_format.py", project / "src" / "shop")
    main = project / "src" / "shop" / "main.py"
    replace(main, "    add_exception_handlers(app)\n", "    format_errors(app)\n")
    replace(
        main,
        "from .errors import add_exception_handlers, ",
        "from .error_format import format_errors\nfrom .errors import ",
    )
    (described,) = re.findall(r"```python\n(.+?)```", (RECIPES / "error_format.md").read_text(), re.DOTALL)
    (project / "tests" / "errors.py").write_text(described)
    add_service_tests(project)
    run(project, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres)


@pytest.mark.parametrize("name", NAMES)
def test_page_shows_what_runs(name: str) -> None:
    page = (RECIPES / f"{name}.md").read_text()
    assert f"```{{literalinclude}} {name}.py\n" in page
    assert f"```{{literalinclude}} {name}.txt\n" in page
    # Why, what it prevents, what PostgreSQL does.
    assert re.fullmatch(
        r"# .+\n\n(?!#|```).+\n```.+\n```\n\n\*\*The mistake:\*\* .+\n## What PostgreSQL does\n.+", page, re.DOTALL
    )


@pytest.mark.parametrize("name", NAMES)
def test_recipe_is_run_by_a_test_of_its_name(name: str) -> None:
    tests = "".join(file.read_text() for file in (RECIPES / "tests").glob("test_*.py"))
    assert f"async def test_{name}(" in tests


def test_every_page_is_a_recipe() -> None:
    pages = {file.stem for file in RECIPES.glob("*.md")} - {"index"}
    assert pages == {file.stem for file in RECIPES.glob("*.txt")} == set(NAMES)
