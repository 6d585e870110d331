"""A blog on release 1.1.0: about 2,000 lines that a person would have written, below and in the template's files."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .edits import append, replace
from .projects import BIN, run

PACKAGE = Path("src/my_service")
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("blog_app")),
    autoescape=False,  # noqa: S701  it makes Python
    trim_blocks=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


@dataclass
class Text:
    name: str
    length: int
    sample: str
    unique: bool = False

    @property
    def type(self) -> str:
        return self.name.title()


@dataclass
class Parent:
    name: str
    fixture: str
    table: str
    model: str


@dataclass
class Domain:
    table: str
    model: str
    fields: list[Text]
    parents: list[Parent] = field(default_factory=list)
    together: tuple[str, ...] = ()
    """Columns that are unique together."""

    @property
    def context(self) -> dict[str, Any]:
        unique = [(text.name,) for text in self.fields if text.unique]
        return vars(self) | {
            "doc": f"The tables of {self.table}.",
            "name": self.model.lower(),
            "unique": [*unique, *([self.together] if self.together else [])],
            "parent_models": sorted({(parent.table, parent.model) for parent in self.parents}),
        }


AUTHOR = Parent("author", "user", "users", "User")
USER = Parent("user", "user", "users", "User")
ARTICLE = Parent("article", "article", "articles", "Article")
TAG = Parent("tag", "tag", "tags", "Tag")
DOMAINS = [
    Domain(
        "users",
        "User",
        [Text("username", 30, "ada", True), Text("email", 200, "ada@a.org", True), Text("bio", 500, "Writes.")],
    ),
    Domain(
        "articles",
        "Article",
        [Text("title", 200, "On engines"), Text("slug", 200, "on-engines", True), Text("body", 10_000, "They weave.")],
        [AUTHOR],
    ),
    Domain("comments", "Comment", [Text("body", 2_000, "Indeed.")], [AUTHOR, ARTICLE]),
    Domain("tags", "Tag", [Text("label", 50, "engines", True), Text("description", 500, "What turns.")]),
    Domain("taggings", "Tagging", [Text("reason", 200, "It is about them.")], [ARTICLE, TAG], ("article_id", "tag_id")),
    Domain(
        "followers",
        "Follower",
        [Text("note", 200, "A friend.")],
        [USER, Parent("followed", "other_user", "users", "User")],
        ("user_id", "followed_id"),
    ),
    Domain("favorites", "Favorite", [Text("note", 200, "For later.")], [USER, ARTICLE], ("user_id", "article_id")),
]
OTHER_USER = """

@pytest.fixture
async def other_user(client: AsyncClient) -> Any:
    values = {"username": "grace", "email": "grace@a.org", "bio": "Compiles."}
    return (await client.post("/users", json=values)).json()
"""
CORS = "    app.add_middleware(CORSMiddleware, allow_origins=settings.origins)\n"
COUNT = '''    async def count(self) -> int:
        """How many rows there are."""
        return await self.db.scalar(select(func.count()).select_from(self.model)) or 0

'''


def write_blog(service: Path) -> None:
    """Add the domains to a service of release 1.1.0, and edit the files that it shares with the template."""
    package = service / PACKAGE
    replace(
        service / "tests" / "conftest.py", "import AsyncIterator\n", "import AsyncIterator\nfrom typing import Any\n"
    )
    for number, domain in enumerate(DOMAINS, start=2):
        write_domain(service, domain, number)
    append(service / "tests" / "conftest.py", OTHER_USER)
    names = sorted(domain.table for domain in DOMAINS)
    for file, of in ((package / "main.py", "router"), (package / "models.py", "models")):
        line = f"from .books import {of} as books\n"
        replace(file, line, line + "".join(f"from .{name} import {of} as {name}\n" for name in names))
    replace(package / "models.py", "    # Yours:\n", "    # Yours:\n" + "".join(f'    "{name}",\n' for name in names))
    routers = "".join(f"    app.include_router({name}.router)\n" for name in names)
    replace(package / "main.py", "    # Your routers:\n", f"    # Your routers:\n{routers}")
    edit_the_templates_files(service)
    for command in (("check", "--select=I,F401,RUF022", "--fix", "--unsafe-fixes"), ("format",)):
        run(service, str(BIN / "ruff"), *command, "--quiet", "--no-cache", ".")


def write_domain(service: Path, domain: Domain, number: int) -> None:
    for folder in (service / PACKAGE / domain.table, service / "tests" / domain.table):
        folder.mkdir()
        (folder / "__init__.py").touch()
    context = domain.context | {"revision": f"{number:04}", "down_revision": f"{number - 1:04}"}
    versions = PACKAGE / "database" / "migrations" / "versions"
    for template, path in (
        *((name, PACKAGE / domain.table / f"{name}.py") for name in ("models", "schemas", "repository", "router")),
        ("test", Path("tests") / domain.table / f"test_{domain.table}.py"),
        ("migration", versions / f"2026_02_02_{number:04}_{domain.table}.py"),
    ):
        (service / path).write_text(TEMPLATES.get_template(f"{template}.py.jinja").render(context))
    append(service / "tests" / "conftest.py", TEMPLATES.get_template("fixture.py.jinja").render(context))


def edit_the_templates_files(service: Path) -> None:
    package = service / PACKAGE
    main = package / "main.py"
    replace(
        main,
        "from fastapi import FastAPI\n",
        "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n",
    )
    replace(main, "    add_problem_handlers(app)\n", f"{CORS}    add_problem_handlers(app)\n")
    append(package / "settings.py", '    origins: list[str] = []\n    """The sites whose pages may call the API."""\n')
    append(
        service / ".env.example",
        '\n# The sites whose pages may call the API.\n# ORIGINS=["https://blog.example.com"]\n',
    )
    repository = package / "database" / "repository.py"
    replace(repository, "import Select, bindparam, inspect, select", "import Select, bindparam, func, inspect, select")
    replace(repository, "    async def first(", f"{COUNT}    async def first(")
    replace(service / "pyproject.toml", "    # Yours:\n", '    "email-validator>=2",\n    # Yours:\n')
    append(
        service / "Makefile", "\n.PHONY: lines\nlines: ## Count the lines\n\t@git ls-files | xargs wc -l | tail -1\n"
    )
    (service / "README.md").write_text("# The blog\n\nArticles, their tags, and who follows whom.\n\n    make run\n")
    workflow = service / ".github" / "workflows" / "ci.yml"
    replace(workflow, "    branches: [main]\n", "    branches: [main, develop]\n")


def line_count(service: Path) -> int:
    """The lines of the blog's own in git's last commit."""
    return int(re.findall(r"(\d+) insertions", run(service, "git", "show", "--shortstat", "--format="))[0])
