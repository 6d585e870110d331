"""What people do to a service between two updates. Each line of theirs holds the word `mine`, and must survive."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

from ..projects import BIN, run
from .domain import add_domain, change_example, write_migration

Edit = Callable[[Path], None]
MINE = re.compile(r"\bmine\b")


def lines_of_mine(project: Path) -> Counter[str]:
    """The user's lines, wherever they are, and however a formatter has indented them."""
    files = run(project, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    texts = [(project / file).read_text() for file in set(files) if (project / file).is_file()]
    return Counter(line.strip() for text in texts for line in text.splitlines() if MINE.search(line))


def package(project: Path) -> Path:
    (main,) = project.glob("src/*/main.py")
    return main.parent


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def add_dependencies(project: Path) -> None:
    pyproject = project / "pyproject.toml"
    replace(pyproject, "    # Yours:\n]", '    # Yours:\n    "email-validator>=2", # mine\n]')
    # People also sort.
    replace(pyproject, '    "pytest>=', '    "polyfactory>=2", # mine\n    "pytest>=')
    append(pyproject, "\n[tool.coverage.run]\nbranch = true # mine\n")


def add_settings(project: Path) -> None:
    append(package(project) / "settings.py", '    greeting: str = "hello"  # mine\n')
    append(project / ".env.example", "\n# GREETING=hello, mine\n")
    append(project / ".gitignore", "/mine/\n")


def add_router(project: Path) -> None:
    folder = package(project)
    router = '"""Greetings, mine."""\n\nfrom fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n'
    router += '@router.get("/mine")\nasync def greet() -> str:\n    return "mine"\n'
    (folder / "greetings.py").write_text(router)
    main = folder / "main.py"
    replace(main, "from . import health\n", "from . import greetings, health  # mine\n")
    replace(main, "    # Your routers:\n", "    # Your routers:\n    app.include_router(greetings.router)  # mine\n")


def delete_example(project: Path) -> None:
    folder = package(project)
    for example in (folder / "books", project / "tests" / "books"):
        rmtree(example, ignore_errors=True)
    for migration in (folder / "database" / "migrations" / "versions").glob("*_0001_authors_and_books.py"):
        migration.unlink()
    (project / "scripts" / "seed.py").unlink(missing_ok=True)
    for name in ("main.py", "models.py"):
        lines = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(line for line in lines if "books" not in line))


def rewrite_readme(project: Path) -> None:
    (project / "README.md").write_text("# Ours\n\nAll of this is mine.\n")


def extend_makefile(project: Path) -> None:
    append(project / "Makefile", "\n.PHONY: seed\nseed: .venv/ready ## Fill the tables, mine\n\t@echo mine\n")


def extend_pipeline(project: Path) -> None:
    if (workflow := project / ".github" / "workflows" / "ci.yml").exists():
        replace(workflow, "    branches: [main]\n", "    branches: [main, develop] # mine\n")
        append(workflow, "\n  deploy: # mine\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo mine\n")
    if (pipeline := project / ".gitlab-ci.yml").exists():
        append(pipeline, "\ndeploy: # mine\n  script:\n    - echo mine\n")
    if (compose := project / "compose.yaml").exists():
        replace(compose, "\nvolumes:\n", "\n  redis: # mine\n    image: redis:8\n\nvolumes:\n")
        append(compose, "  redis: # mine\n")


def reformat(project: Path) -> None:
    replace(project / "pyproject.toml", "line-length = 120\n", "line-length = 88 # mine\n")
    run(project, str(BIN / "ruff"), "format", "--quiet", "--no-cache")


def move_a_file(project: Path) -> None:
    """The template's file goes where the user wants it, with a line of theirs in it."""
    folder = package(project)
    name = "errors" if (folder / "errors.py").exists() else "problems"  # before 2.0.0
    append(folder / f"{name}.py", "\n# This is mine.\n")
    (folder / "web").mkdir()
    (folder / "web" / "__init__.py").touch()
    run(project, "git", "mv", str(folder / f"{name}.py"), str(folder / "web" / f"{name}.py"))
    for file in [*folder.rglob("*.py"), *project.glob("tests/**/*.py")]:
        text = re.sub(rf"(from (\.+|\w+\.)){name} import", rf"\1web.{name} import", file.read_text())
        file.write_text(text)
    moved = folder / "web" / f"{name}.py"
    moved.write_text(re.sub(r"from \.(?=\w)", "from ..", moved.read_text()))


EVERYDAY: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        add_dependencies,
        add_settings,
        add_router,
        add_domain,
        change_example,
        rewrite_readme,
        extend_makefile,
        extend_pipeline,
    )
}
ALL: dict[str, Edit] = EVERYDAY | {edit.__name__: edit for edit in (delete_example, move_a_file, reformat)}

__all__ = ["ALL", "EVERYDAY", "lines_of_mine", "package", "replace", "write_migration"]
