"""The layer in an application of somebody's: updated like a service, and nothing beside it is touched."""

import re
from collections import Counter
from pathlib import Path

import copier
import pytest

from testkit.applications import ANSWERS_FILE, add_notes, edit, make_application
from testkit.edits import append, lines_of_mine, replace
from testkit.make import use_this_environment
from testkit.projects import PYTEST, ROOT, commit, run
from testkit.releases import NEXT, WORKING_TREE, questions
from testkit.updates import TARGETS, case, conflicts, lost, update

ANSWERS: dict[str, str | bool] = {"scope": "database", "package_dir": "app"}
VERSIONS = [version for version in TARGETS if "scope" in questions(version)]

OURS = ("app/database/", "tests/database/", "alembic.ini", ANSWERS_FILE)

pytestmark = [pytest.mark.slow, pytest.mark.updates]


def add_fixtures(project: Path) -> None:
    """The plugin and the settings of pytest that releases before 2.0 asked for."""
    (project / "tests" / "__init__.py").touch()
    append(project / "tests" / "conftest.py", '\npytest_plugins = ["tests.database.fixtures"]\n')
    settings = ("asyncio_mode", "auto"), ("asyncio_default_fixture_loop_scope", "session")
    lines = "".join(f'{name} = "{value}"\n' for name, value in settings)
    edit(project / "pyproject.toml", "pythonpath =", f"{lines}pythonpath =")


@pytest.mark.parametrize("version", [case(version, sample=version != WORKING_TREE) for version in VERSIONS])
def test_the_layer_is_updated(history: Path, workspace: Path, postgres: str, version: str) -> None:
    project = make_application(workspace, "app")
    copier.run_copy(
        str(history), project, vcs_ref=version, data=ANSWERS, answers_file=ANSWERS_FILE, defaults=True, quiet=True
    )
    add_fixtures(project)
    add_notes(project, "app")
    database = {"PYTHONPATH": str(project), "DATABASE_URL": postgres}
    run(project, "alembic", "revision", "--autogenerate", "--message", "mine", **database)
    run(project, "alembic", "upgrade", "head", **database)
    append(project / "app" / "main.py", "\n# This is mine.\n")
    append(project / "tests" / "database" / "fixtures.py", "\n# This is mine.\n")
    commit(project, "With the layer")
    mine = lines_of_mine(project)

    target = TARGETS[version]
    update(project, target, "-a", ANSWERS_FILE)
    assert conflicts(project) == set()
    assert lost(mine, project) == Counter()
    changed = [line[3:] for line in run(project, "git", "status", "--short").splitlines()]
    assert [path for path in changed if not path.startswith(OURS)] == []
    if target == NEXT:
        assert "RETRY_DELAY = 0.25\n" in (project / "app" / "database" / "startup.py").read_text()
    run(project, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres, **database)


def test_a_patched_layer_gets_conflict_markers(history: Path, workspace: Path) -> None:
    project = make_application(workspace, "app")
    version = VERSIONS[-1]
    copier.run_copy(
        str(history), project, vcs_ref=version, data=ANSWERS, answers_file=ANSWERS_FILE, defaults=True, quiet=True
    )
    startup = project / "app" / "database" / "startup.py"
    replace(startup, "RETRY_DELAY = 0.2\n", "RETRY_DELAY = 0.5  # mine\n")
    commit(project, "Patched")
    update(project, NEXT, "-a", ANSWERS_FILE)
    assert conflicts(project) == {"app/database/startup.py"}
    assert "<<<<<<< before updating\nRETRY_DELAY = 0.5  # mine\n" in startup.read_text()


def test_the_documented_command_updates_a_layer(history: Path, workspace: Path, tmp_path: Path) -> None:
    """The commands of docs/updating.md, with the template's address and a folder of one's own."""
    project = make_application(workspace, "app")
    copier.run_copy(
        str(history), project, vcs_ref=WORKING_TREE, data=ANSWERS, answers_file=ANSWERS_FILE, defaults=True, quiet=True
    )
    commit(project, "With the layer")
    use_this_environment(project)
    page = (ROOT / "docs" / "updating.md").read_text()
    clone, update_layer = re.findall(r"^    ((?:git clone|uv run) .*)$", page, re.MULTILINE)
    template = str(tmp_path / "template")
    run(project, "sh", "-c", clone.replace("ADDRESS", str(history)).replace("../template", template))
    output = run(project, "sh", "-c", f".venv/bin/{update_layer.replace('../template', template, 1)}")
    assert f"From {WORKING_TREE} to {NEXT}:" in output
    assert "RETRY_DELAY = 0.25\n" in (project / "app" / "database" / "startup.py").read_text()
    assert f"_commit: {NEXT}\n" in (project / ANSWERS_FILE).read_text()
