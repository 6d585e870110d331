"""The layer alone, added to an application that exists: it writes over nothing, and works after the printed edits."""

import os
import re
import sys
from pathlib import Path
from tempfile import mkdtemp

import pytest

from testkit.applications import ANSWERS_FILE, copy_layer, make_application, make_printed_edits, message_of
from testkit.combinations import LAYERS
from testkit.projects import PYTEST, outcome, run, tree
from testkit.rendering import add_layer_tests

pytestmark = pytest.mark.slow


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

    make_printed_edits(project, package_dir, message_of(template, answers, project))
    path = {"PYTHONPATH": f"{(project / package_dir).parent}{os.pathsep}{project}"}
    migrated = path | {"DATABASE_URL": postgres}
    run(project, "alembic", "revision", "--autogenerate", "--message", "first tables", **migrated)
    run(project, "alembic", "upgrade", "head", **migrated)
    run(project, "alembic", "check", **migrated)
    run(project, *PYTEST, **migrated)
    add_layer_tests(project)
    quick = outcome(run(project, *PYTEST, "tests/database"))
    real = outcome(run(project, *PYTEST, "tests/database", "--database=postgres", TEST_DATABASE_URL=postgres))
    assert real == {"passed": quick["passed"] + quick["deselected"]}
    assert run(project, sys.executable, "worker.py", **migrated) == "worked\n"


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


@pytest.fixture
def bare_layer(template: Path, workspace: Path) -> Path:
    """The layer beside an empty package, with no configuration for pytest."""
    project = Path(mkdtemp(dir=workspace))
    (project / "app").mkdir()
    copy_layer(template, project, {"scope": "database", "package_dir": "app"})
    return project


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


def test_the_layers_tests_only_take_a_database_for_tests(bare_layer: Path, postgres: str) -> None:
    developers = postgres.replace("_test", "", 1)
    suite = (*PYTEST, SESSIONS, "--database=postgres")
    # A variable in the developer's shell plays no part.
    run(bare_layer, *suite, DATABASE_READ_URL=developers, TEST_DATABASE_URL=postgres)
    with pytest.raises(AssertionError, match="name ends in _test"):
        run(bare_layer, *suite, TEST_DATABASE_URL=developers)


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
