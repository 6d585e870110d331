"""The layer alone, added to an application that exists: it writes over nothing, and works after the printed edits."""

import os
import re
import sys
from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import pytest

from testkit.applications import ANSWERS_FILE, add_notes, add_programs, copy_layer, edit, make_application, message_of
from testkit.combinations import LAYERS
from testkit.projects import PYTEST, ROOT, outcome, run, tree
from testkit.rendering import Render, add_layer_tests

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rendered_layer(template: Path, workspace: Path) -> Path:
    project = Path(mkdtemp(dir=workspace))
    for package in ("app", "tests"):
        (project / package).mkdir()
        (project / package / "__init__.py").touch()
    copy_layer(template, project, {"scope": "database", "package_dir": "app"})
    return project


@pytest.fixture
def bare_layer(rendered_layer: Path, workspace: Path) -> Path:
    """The layer beside an empty package, with no configuration for pytest."""
    return copytree(rendered_layer, Path(mkdtemp(dir=workspace)) / "project")


PROVEN = "layer_uuid7"  # also runs the tests that projects do not get, which services run with each other answer


@pytest.mark.combination
@pytest.mark.parametrize("combination", LAYERS)
def test_added_to_an_application(template: Path, workspace: Path, postgres: str, combination: str) -> None:
    answers = LAYERS[combination]
    package_dir = str(answers["package_dir"])
    project = make_application(workspace, package_dir)
    before = tree(project)
    copied = copy_layer(template, project, answers)
    assert copied.returncode == 0, copied.stderr
    after = tree(project)
    assert after.items() >= before.items()
    own = rf"{package_dir}/database($|/)|tests/database($|/)|alembic\.ini$|{re.escape(ANSWERS_FILE)}$"
    assert [path for path in after.keys() - before.keys() if not re.match(own, path)] == []

    message = message_of(copied)
    assert 'need extra="ignore"' in message.text
    message.follow(project, package_dir)
    if combination == PROVEN:
        add_layer_tests(project)
    add_notes(project, package_dir)
    add_programs(project, package_dir)
    # As an application writes it that used another driver, and parameters that only libpq knows.
    url = f"{postgres.replace('://', '+psycopg://', 1)}{'&' if '?' in postgres else '?'}connect_timeout=5&keepalives=0"
    environment = {"PYTHONPATH": "", "DATABASE_URL": url, "TEST_DATABASE_URL": postgres}
    # No folder of another pytest is there, for which pytest would warn when it cannot delete it.
    environment["PYTEST_DEBUG_TEMPROOT"] = str(project.parent)
    # The package is found although it is not installed, and pytest's settings do not say where it is.
    alone = environment | {"PYTEST_ADDOPTS": "-o pythonpath="}
    *_, quick, real = (outcome(run(project, "sh", "-c", command, **alone)) for command in message.commands)
    assert real == {"passed": quick["passed"] + quick["deselected"]}
    run(project, "alembic", "check", **environment)
    selected = "notes or items or sessions" if combination == PROVEN else ""
    run(project, *PYTEST, "-k", selected, **environment)
    path = {"PYTHONPATH": str((project / package_dir).parent)}
    assert run(project, sys.executable, "worker.py", **(environment | path)) == "worked\n"


@pytest.fixture(scope="module")
def heroes(template: Path, workspace: Path) -> Path:
    """An application on SQLModel in a monorepo, with the layer and the oldest packages that the message names."""
    monorepo = Path(mkdtemp(dir=workspace))
    project = monorepo / "backend"
    copytree(ROOT / "testkit" / "sqlmodel_app", project)
    message = message_of(copy_layer(template, monorepo, {"scope": "database"}, "backend"))
    message.follow(project, "app")
    add_layer_tests(project)
    run(project, "ruff", "check", "--quiet", "--select", "I", "--fix", "app/main.py")  # as an editor would
    run(project, "uv", "venv", "--quiet", "--python", sys.executable)
    exact = [re.sub(r"^([\w-]+(\[\w+\])?)>=", r"\1==", package) for package in message.packages]
    tools = ["black", "coverage", "flake8", "mypy", "ruff", "sqlmodel"]
    run(project, "uv", "pip", "install", "--quiet", *exact, *tools, VIRTUAL_ENV=str(project / ".venv"))
    (project / "commands").write_text("\n".join(message.commands))
    return project


def run_in(project: Path, *command: str, **environment: str) -> str:
    """With the packages of the project's own environment."""
    path = f"{project / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return run(project, *command, PATH=path, PYTHONPATH="", **environment)


def test_the_printed_commands_work_with_the_oldest_packages(heroes: Path) -> None:
    """In the folder that contains the backend, and on an embedded server."""
    run_in(heroes, "sh", "-e", "-c", f"cd ..\n{(heroes / 'commands').read_text()}")
    assert outcome(run_in(heroes, *PYTEST, "-k", "heroes or sessions"))["passed"] > 5


@pytest.mark.parametrize(
    "command",
    [
        "ruff check",
        "ruff format --check",
        "black --check .",
        "flake8 app tests",
        "mypy",
        "coverage run -m pytest tests/test_heroes.py && coverage report",
    ],
)
def test_the_tools_of_an_application_pass(heroes: Path, command: str) -> None:
    run_in(heroes, "sh", "-c", command)


MOVED = {
    "from sqlmodel import Session": "from sqlalchemy.ext.asyncio import AsyncSession\nfrom sqlmodel import Session",
    "import Session, select": "import select",
    "Annotated[Session": "Annotated[AsyncSession",
    "\ndef create_hero": "\nasync def create_hero",
    "\ndef list_heroes": "\nasync def list_heroes",
    "    session.commit()\n    session.refresh(hero)": "    await session.flush()",
    "session.exec(select(Hero)).all()": "await session.scalars(select(Hero))",
}
TEST_MOVED = """
import pytest
from fastapi.testclient import TestClient
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from app.database import Database
from app.main import app
from app.models import Hero
from tests.database.http import use_database


def test_with_a_client() -> None:
    with TestClient(app) as client:
        client.post("/heroes", json={"name": "First"})
        assert [hero["name"] for hero in client.get("/heroes").json()] == ["First"]


@pytest.mark.asyncio
async def test_with_a_transport() -> None:
    transport = ASGITransport(app)
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://test") as client:
        assert [hero["name"] for hero in (await client.get("/heroes")).json()] == ["First"]


@pytest.mark.asyncio(loop_scope="session")
async def test_with_the_layers_fixtures(database: Database, db: AsyncSession) -> None:
    use_database(app, database)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        await client.post("/heroes", json={"name": "Second"})
    app.dependency_overrides.clear()
    assert (await db.scalars(select(Hero.name))).all() == ["Second"]
"""


def test_sqlmodel_moves(heroes: Path) -> None:
    """By the code of docs/existing.md: one base for the tables, one dependency for the routes."""
    table, get_session, *_ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "existing.md").read_text(), re.DOTALL)
    models = "from sqlmodel import Field, SQLModel\n"
    edit(heroes / "app" / "models.py", models, f"{models}from app.database import Base\n\n{table}\n")
    edit(heroes / "app" / "models.py", "class Hero(SQLModel", "class Hero(Table")
    imports = "from sqlalchemy.ext.asyncio import AsyncSession\nfrom app.database.dependencies import DbSession\n"
    (heroes / "app" / "db.py").write_text(imports + get_session)
    for old, new in MOVED.items():
        edit(heroes / "app" / "main.py", old, new)
    edit(heroes / "alembic.ini", "models =\n", "models =\n    app.models\n")
    (heroes / "tests" / "test_heroes.py").unlink()
    (heroes / "tests" / "conftest.py").write_text('pytest_plugins = ["tests.database.fixtures"]\n')
    (heroes / "tests" / "test_moved.py").write_text(TEST_MOVED)
    migrate = (
        "alembic upgrade head && alembic revision --autogenerate -m heroes && alembic upgrade head && alembic check"
    )
    script = f"{migrate} && pytest tests/test_moved.py"
    run_in(heroes, "python", "-m", "app.database.devserver", "--throwaway", "sh", "-c", script)


@pytest.mark.parametrize(
    ("package", "version"),
    [("fastapi", "0.120.4"), ("sqlalchemy", "2.0.44"), ("Python", "3.10.1"), ("sqlalchemy", "2.1.10")],
)
def test_a_version_that_is_too_old_is_refused_in_one_sentence(bare_layer: Path, package: str, version: str) -> None:
    """Where Python is too old, nothing of the layer but these two files must run on it."""
    program = f"""
import ast, importlib.metadata as metadata, pathlib, sys
find = metadata.version
metadata.version = lambda name: {version!r} if name == {package!r} else find(name)
if {package!r} == "Python":
    sys.version, sys.version_info = {version!r}, (3, 10)
    for name in ("__init__", "oldest_versions"):
        ast.parse(pathlib.Path(f"app/database/{{name}}.py").read_text(), feature_version=(3, 10))
try:
    import app.database
except ImportError as error:
    print(error)
"""
    sentence = run(bare_layer, sys.executable, "-c", program)
    refusal = rf"The database layer needs {package} [\d.]+ or newer; .*{version}.*\.\n"
    assert re.fullmatch("" if version == "2.1.10" else refusal, sentence)  # 2.1.10 is newer than 2.1.7


def test_the_layer_works_without_fastapi(bare_layer: Path) -> None:
    """Its tests, too: those that need it are left out."""
    (bare_layer / "sitecustomize.py").write_text("import sys\nsys.modules['fastapi'] = None\n")
    tests = [f"tests/database/test_{name}.py" for name in ("sessions", "repository")]
    assert "passed" in outcome(run(bare_layer, *PYTEST, *tests, PYTHONPATH=str(bare_layer)))
    collected = run(bare_layer, *PYTEST, "--collect-only", PYTHONPATH=str(bare_layer))
    assert "test_errors.py" not in collected


def test_the_layer_is_formatted_linted_and_typed(bare_layer: Path, render: Render) -> None:
    """By the rules of a service."""
    rules = str(render() / "pyproject.toml")
    run(bare_layer, "ruff", "format", "--check", "--no-cache", "--config", rules, ".")
    run(bare_layer, "ruff", "check", "--no-cache", "--config", rules, "--config", "src = ['.']", ".")
    run(bare_layer, "mypy", "--config-file", rules, "app", "tests")


# Autouse, with parameters, or named as a fixture of the layer or of pytest.
HOSTILE = {
    "conftest.py": """
import pytest

@pytest.fixture(autouse=True)
def reset(request):
    assert "tests/database" not in request.node.nodeid

@pytest.fixture
def tmp_path():
    raise AssertionError
""",
    "tests/conftest.py": """
import pytest

@pytest.fixture(scope="session", autouse=True)
def db():
    with open("developers.db", "a") as file:
        file.write("INSERT")

@pytest.fixture(autouse=True, params=["first", "second"])
def twice(request, database):
    assert "tests/database" not in request.node.nodeid

@pytest.fixture
def database():
    pass

@pytest.fixture
def connection():
    raise AssertionError
""",
    "tests/test_own.py": "def test_own(db, database): pass",
}


SESSIONS = "tests/database/test_sessions.py"


def test_no_fixture_of_the_application_runs_in_the_layers_tests(bare_layer: Path) -> None:
    without = outcome(run(bare_layer, *PYTEST, SESSIONS))
    for name, text in HOSTILE.items():
        (bare_layer / name).write_text(text)
    assert outcome(run(bare_layer, *PYTEST, SESSIONS)) == without
    assert not (bare_layer / "developers.db").exists()
    together = outcome(run(bare_layer, *PYTEST, "tests/test_own.py", SESSIONS))
    assert together == without | {"passed": without["passed"] + 2}
    assert (bare_layer / "developers.db").read_text() == "INSERT"


def test_the_layers_tests_accept_only_a_test_database(bare_layer: Path, postgres: str) -> None:
    developers = postgres.replace("_test", "", 1)
    suite = (*PYTEST, SESSIONS, "--database=postgres")
    # A variable in the developer's shell plays no part.
    run(bare_layer, *suite, DATABASE_READ_URL=developers, TEST_DATABASE_URL=postgres)
    with pytest.raises(AssertionError, match="name ends in _test"):
        run(bare_layer, *suite, TEST_DATABASE_URL=developers)


def test_a_package_that_is_not_there_is_refused(template: Path, workspace: Path) -> None:
    project = make_application(workspace, "src/shop")
    before = tree(project)
    copied = copy_layer(template, project, {"scope": "database"})
    assert "There is nothing in app. Enter the folder of the application's package" in copied.stderr
    assert tree(project) == before


@pytest.mark.parametrize("file", ["alembic.ini", "app/database.py", "app/database/models.py", "tests/database/x.py"])
def test_writes_over_nothing(template: Path, workspace: Path, file: str) -> None:
    project = make_application(workspace, "app")
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("mine")
    before = tree(project)
    copied = copy_layer(template, project, {"scope": "database", "package_dir": "app"})
    assert copied.returncode != 0
    assert file in copied.stderr
    assert tree(project) == before
