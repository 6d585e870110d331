"""The layer alone, added to an application that exists: it writes over nothing, and works after the printed edits."""

import os
import re
import sys
from pathlib import Path

import pytest

from testkit.applications import ANSWERS_FILE, copy_layer, make_application, make_printed_edits, message_of
from testkit.combinations import LAYERS
from testkit.projects import PYTEST, outcome, run, tree

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
    quick = outcome(run(project, *PYTEST, **path))
    real = outcome(run(project, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres, **migrated))
    assert real == {"passed": quick["passed"] + quick["deselected"]}
    assert run(project, sys.executable, "worker.py", **migrated) == "worked\n"


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
