"""What the pages tell people to type is typed here, in the order of the page, or by the test that is named."""

import ast
import asyncio
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from tempfile import mkdtemp
from urllib.request import urlopen

import pytest
from markdown_it import MarkdownIt
from opentelemetry.sdk import environment_variables as otel

from scripts import demo, pages
from testkit.make import TOOL, use_this_environment
from testkit.projects import BIN, ROOT, clean_environment, commit, copy_working_tree, run
from testkit.releases import WORKING_TREE
from testkit.rendering import Render, administer
from testkit.updates import start

README_OF_A_SERVICE = "template/README.md.jinja"
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{page.name}" for page in sorted(ROOT.glob("docs/*.md")))]
PAGES += ["docs/recipes/*.md", "skills/fastapi-postgres/SKILL.md", README_OF_A_SERVICE]
# Where their reader is. The reader of all others is in the folder of this repository.
IN_A_SERVICE = {README_OF_A_SERVICE, "docs/mistakes.md", "docs/operations.md", "docs/telemetry.md", "docs/updating.md"}

PROGRAMS = re.compile(r"(make|git|copier|uvx?|pip|pytest|ruff|docker|psql|alembic|python|cd|curl|\.venv/bin/\w+)( |$)")
# Of those, make is typed where a block says so: a sentence speaks of its targets, and test_names looks for them.
IN_A_SENTENCE = re.compile(r"(git|copier|uvx?|pip|pytest|ruff|docker|psql|alembic|python|curl) .|\.venv/bin/")

COPY = "test_questions.py::test_the_defaults_need_no_answer_and_no_trust"
# Commands that a test of their own types, or all but types.
ELSEWHERE = {
    ".venv/bin/python -m testkit.random_users --count 1000": "test_random_users.py::test_a_random_user",
    'make user email=me@example.com scopes="api_keys:manage"': "test_callers.py::test_people",
    "python -m shop.auth.accounts.set_password me@example.com api_keys:manage": "test_callers.py::test_people",
    'make api-key subject=me scopes="api_keys:manage"': "test_callers.py::test_the_first_key",
    'make token subject=ann scopes="books:read books:write"': "test_callers.py::test_a_token_for_local_work",
    "python -m shop.auth.issue_key me api_keys:manage": "test_callers.py::test_the_first_key",
    'curl -H "Authorization: Bearer $KEY" http://127.0.0.1:8000/api-keys': "test_callers.py::test_the_first_key",
    "make psql": "test_commands.py::test_psql",
    "make shell": "test_commands.py::test_the_shell_awaits_and_commits_only_what_it_is_told_to",
    "make seed": "test_commands.py::seeded",
    "make dump FILE=shop.dump": "test_commands.py::test_dump_and_restore",
    "make restore FILE=shop.dump": "test_commands.py::test_dump_and_restore",
    "make routes": "test_commands.py::test_routes",
    "make openapi": "test_commands.py::test_a_changed_api_is_seen",
    "make coverage": "test_commands.py::test_coverage_follows_sqlalchemy",
    'make domain name=customers fields="name:str:100 email:str:254:unique"': "test_make_domain.py::test_make",
    "make demo": "test_make.py::test_demo",
    "python -m bench.partitions": "test_partitions.py::test_a_key_and_a_page_need_one_partition",
    "make release VERSION=minor": "test_releases.py::test_a_release",
    "make update": "test_make_update.py::test_update_shows_merges_and_tests",
    "docker build --build-arg TELEMETRY=1 .": "test_image.py::test_telemetry_on_a_base_pinned_by_its_digest",
    ".venv/bin/uv export --quiet --no-dev --format cyclonedx1.5 --output-file sbom.json": (
        "test_image.py::test_the_bill_of_materials_has_what_the_image_has"
    ),
    "uv sync --extra telemetry": "test_telemetry.py::test_an_endpoint_without_the_exporter",
    "docker compose up --build": "test_render.py::test_container_files_are_valid",
    "pytest --database=postgres": "test_services.py::test_suite",
    "pytest tests/database": "test_database_scope.py::test_added_to_an_application",
    "copier copy --defaults -d project_name=Shop <address> shop": COPY,
    "copier copy <address> shop": COPY,
    "copier update": "test_changed_answers.py::test_answers_change",
    ".venv/bin/ruff format .rendered/default": "test_render.py::test_formatted",
    "alembic upgrade head": "test_migrations.py::test_four_concurrent_migrations_succeed",
    "alembic revision --autogenerate": "test_database_scope.py::test_added_to_an_application",
    "copier copy -d scope=database -a .copier-answers.database.yml <template> .": (
        "test_database_scope.py::test_added_to_an_application"
    ),
    "git mv alembic.ini alembic.old.ini": "test_existing_database.py::with_layer",
    "alembic revision --autogenerate -m baseline": "test_existing_database.py::test_a_baseline_replaces_its_migrations",
    "alembic stamp --purge head": "test_existing_database.py::test_a_baseline_replaces_its_migrations",
    "alembic check": "test_existing_database.py::test_its_migrations_continue",
    "alembic -c alembic.old.ini": "test_existing_database.py::test_tables_without_a_model_are_left_alone",
    "copier update -a .copier-answers.database.yml": "test_layer_updates.py::test_the_layer_is_updated",
    "pytest tests/database --database=postgres": "test_database_scope.py::test_added_to_an_application",
    "python -m app.database.devserver --reset": "test_reset.py::test_the_example_is_deleted_after_the_first_run",
    "python -m app.database.devserver --throwaway sh -c 'alembic upgrade head && pytest'": (
        "test_database_scope.py::test_sqlmodel_moves"
    ),
    "python -m shop": "faults/test_shutdown.py::test_a_load_balancer_sees_no_request_fail",  # the command of the image
    "python -m shop.database.devserver": "test_make.py::test_targets",  # goes before a command, as in the Makefile
    "copier update --defaults": "test_updates.py::test_bare_copier_updates_within_a_major_version",
    "git clone --quiet ADDRESS ../template": "test_layer_updates.py::test_the_documented_command_updates_a_layer",
    "uv run --script ../template/template/scripts/update.py -a .copier-answers.database.yml": (
        "test_layer_updates.py::test_the_documented_command_updates_a_layer"
    ),
    ".venv/bin/uv run --script scripts/update.py -d soft_delete=true -d docker=false": (
        "test_changed_answers.py::test_answers_change"
    ),
}

# What is typed in their place where they would download, hide a failure, or need what the page has explained.
INSTEAD = {
    r"^uvx copier": "copier",
    r"^curl": "curl --fail --silent --show-error",
    r"^((\.venv/bin/)?python) -m shop": r"\1 -m shop.database.devserver \1 -m shop",
    r"^git -C <template> diff 1.0.0 1.1.0": f"git -C ../history diff 1.0.0 {WORKING_TREE}",
    r"^cd shop$": "cd ../shop",
    r"^make render DEST=../shop$": 'make render DEST=../shop ARGS="-d project_name=Shop"',
}

PATH = re.compile(r"^(?:[\w.-]+/[\w./-]*|[\w-]+\.(?:ini|md|py|toml|txt|ya?ml)|\.\w+)$")
# Files that a reader has, and the template does not.
YOURS = {"database.py", "compose.override.yaml", ".git", "pytest.ini", "uv.lock"}


class Reader:
    """Someone in a folder, who types what a page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        nobody = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
        self.environment = dict.fromkeys(nobody, "nobody@example.com") | {"PORT": self.port}

    def types(self, command: str) -> None:
        for pattern, instead in INSTEAD.items():
            command = re.sub(pattern, instead, command)
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        if (self.folder / "copier.yml").exists():  # whose tests contain this one
            command = re.sub("^make test", "make --dry-run test", command)
        if command.startswith("cd "):
            self.folder = (self.folder / command[3:]).resolve(strict=True)
            return
        if not (self.folder / ".venv").exists():
            make_environment(self.folder)
        if command == "make run":
            self.serves()
        else:
            run(self.folder, "sh", "-e", "-c", command, **self.environment)

    def serves(self) -> None:
        with demo.LOG.open("wb") as output:
            self.server = subprocess.Popen(
                ["make", "run"],
                cwd=self.folder,
                env=clean_environment() | {"PYTHONPATH": f"{self.folder / 'src'}:{self.folder}"} | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        demo.wait_until_ready(f"http://127.0.0.1:{self.port}", self.server)
        with urlopen(f"http://127.0.0.1:{self.port}/docs") as response:
            assert "server" not in response.headers

    def edits(self, file: str, name: str, lines: str) -> None:
        """Put the lines below the last field of the class."""
        path = self.folder / file
        text = path.read_text()
        (body,) = [node.body for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name]
        last = [node.end_lineno or 0 for node in body if isinstance(node, ast.AnnAssign)][-1]
        before, after = text.splitlines(keepends=True)[:last], text.splitlines(keepends=True)[last:]
        path.write_text("".join([*before, lines, *after]))


def make_environment(folder: Path) -> None:
    """In place of the environment that make would install: the one of these tests, and the default answers."""
    use_this_environment(folder)
    programs = folder / ".venv" / "bin"
    answers = "--defaults --data project_name=Shop"
    (programs / "copier").write_text(f'#!/bin/sh\nexec {quote(str(BIN / "copier"))} "$@" {answers}\n')
    (programs / "uvicorn").write_text(TOOL.format(tool=quote(str(BIN / "uvicorn"))))
    for program in programs.iterdir():
        program.chmod(0o755)
    (folder / ".venv" / "ready").touch()


@pytest.fixture
def reader(
    page: str, history: Path, workspace: Path, render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    parent = Path(mkdtemp(dir=workspace))
    if page == "docs/updating.md":
        folder = start(history, parent / "service", WORKING_TREE)
        (parent / "history").symlink_to(history)
    elif page in IN_A_SERVICE:
        folder = render(project_name="Shop")
    else:
        folder = parent / "template"
        folder.mkdir()
        copy_working_tree(folder, ".")
        commit(folder, "The working tree")
        run(parent, "git", "clone", "--quiet", "--bare", "template", "origin")
        run(folder, "git", "remote", "add", "origin", str(parent / "origin"))
        run(folder, "git", "push", "--quiet", "--set-upstream", "origin", "main")
    monkeypatch.setattr(demo, "LOG", tmp_path / "output")
    reader = Reader(folder)
    yield reader
    if reader.server:
        demo.stop(reader.server)


@dataclass
class Snippet:
    """A block, and the code in the paragraph before it; or a piece of code in a paragraph, which has no language."""

    text: str
    language: str | None
    before: list[str]


def snippets(page: str, render: Render) -> list[Snippet]:
    if page == README_OF_A_SERVICE:
        text = (render(project_name="Shop") / "README.md").read_text()
    else:
        text = "\n".join(file.read_text() for file in ROOT.glob(page))
    found: list[Snippet] = []
    before: list[str] = []
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            found.append(Snippet(token.content, token.info, before))
        elif token.type == "inline":
            before = [child.content for child in token.children or [] if child.type == "code_inline"]
            found += [Snippet(piece, None, []) for piece in before]
    return found


def is_tree(text: str) -> bool:
    """Paths with remarks, such as `tests/  the same folders`."""
    return re.search(r"^ *[\w./]+ {2,}[^# ]", text, re.MULTILINE) is not None


def paths_of(snippet: Snippet) -> Iterator[str]:
    """A path in a sentence, or those of a tree, whose folders stand above what is indented."""
    if snippet.language is None and PATH.match(snippet.text) and not PROGRAMS.match(snippet.text):
        yield snippet.text
    above: list[tuple[int, str]] = []
    for line in snippet.text.splitlines() if is_tree(snippet.text) else []:
        indent = len(line) - len(line.lstrip())
        above = [(column, folder) for column, folder in above if column < indent]
        for name in re.split(r" {2,}", line.strip())[0].split(", "):
            yield "".join(folder for _, folder in above) + name
            if name.endswith("/"):
                above.append((indent, name))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands(page: str, render: Render, request: pytest.FixtureRequest) -> None:
    for snippet in snippets(page, render):
        if snippet.language is None:
            commands = [snippet.text] if IN_A_SENTENCE.match(snippet.text) else []
        elif snippet.language == "python" and page == "README.md":
            domain = "".join(file.read_text() for file in render().glob("src/*/books/*.py"))
            assert [line for line in snippet.text.splitlines() if line not in domain.splitlines()] == []
            continue
        elif page == "docs/runbook.md":
            continue  # faults/test_runbook.py, test_dashboard.py
        elif page == "docs/accounts.md" and snippet.language == "sh":
            continue  # test_callers.py::test_people
        elif page == "docs/existing.md" and snippet.language in ("python", "ini"):
            # test_database_scope.py and test_existing_database.py take these from the page.
            assert re.match(r"class Table|async def get_session|database_settings = |settings = ", snippet.text)
            continue
        elif snippet.language == "python" and page == "docs/recipes/*.md":
            continue  # test_recipes.py runs the suite with the page's tests/errors.py
        elif snippet.language == "python":
            file, name = snippet.before
            request.getfixturevalue("reader").edits(file, name, snippet.text)
            continue
        elif snippet.language == "sql":
            postgres = request.getfixturevalue("postgres")
            asyncio.run(administer(postgres, "BEGIN", "CREATE ROLE shop", snippet.text, "ROLLBACK"))
            continue
        elif snippet.language.startswith("{") or page == "docs/ownership.md" or is_tree(snippet.text):
            continue  # test_site.py, test_recipes.py, test_ownership.py, test_names
        else:
            commands = snippet.text.splitlines()
        for command in commands:
            assert PROGRAMS.match(command.strip()), f"What is this? {command}"
            known = re.sub(r" +#.*", "", command.strip())
            if known not in ELSEWHERE:
                request.getfixturevalue("reader").types(known)


def test_what_is_typed_elsewhere_is_there(render: Render) -> None:
    typed = [line.strip() for page in PAGES for s in snippets(page, render) for line in s.text.split("\n")]
    assert ELSEWHERE.keys() - set(typed) == set()
    for test in ELSEWHERE.values():
        file, _, name = test.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE), test


@pytest.fixture(scope="module")
def everything(render: Render) -> Path:
    return render(project_name="Shop", soft_delete=True, audit_log=True, auth="accounts", kubernetes=True)


@pytest.fixture(scope="module")
def with_oidc(render: Render) -> Path:
    return render(project_name="Shop", auth="oidc")


@pytest.mark.parametrize("page", PAGES)
def test_names(page: str, render: Render, everything: Path, with_oidc: Path) -> None:
    """Each make target, path and variable that is named is there."""
    services = [everything, with_oidc]
    places = services if page == README_OF_A_SERVICE else [*services, ROOT]
    makefiles, ignored = (
        "".join((place / name).read_text() for place in places) for name in ("Makefile", ".gitignore")
    )
    files = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard").split("\n")
    files += [f"shop/{path.relative_to(everything)}" for path in everything.rglob("*")]
    rendered = [path for service in services for path in service.rglob("*")]
    texts = "".join(path.read_text() for path in rendered if path.is_file() and path.suffix != ".md")
    settings = pages.settings()
    for snippet in snippets(page, render):
        for target in re.findall(r"^make ([a-z]\S*)", snippet.text, re.MULTILINE):
            assert f"\n{target}:" in makefiles, target
        for path in paths_of(snippet):
            name = path.rstrip("/")
            there = (
                any(f"/{name}/" in f"/{file}/" for file in files) or f"{name}/\n" in ignored or f"{name}\n" in ignored
            )
            assert there or name in YOURS, path
        for variable in re.findall(r"^[A-Z]+_[A-Z_]+(?==|$)", snippet.text):
            assert f"`{variable}`" in settings or variable in texts or hasattr(otel, variable), variable
