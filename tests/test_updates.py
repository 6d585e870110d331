"""Updates from every release to the working tree, and on to a made-up next release, lose no line."""

import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testkit.edits import ALL, EVERYDAY, append, lines_of_mine, package, replace
from testkit.projects import PYTEST, commit, run
from testkit.releases import NEXT, WORKING_TREE, questions
from testkit.updates import TARGETS, bare_update, conflicts, edited, lost, start, update

pytestmark = pytest.mark.updates

COMBINATIONS: list[dict[str, str | bool]] = [
    {"package_name": "shop", "python_version": "3.12"},
    {"python_version": "3.14", "project_name": 'It\'s "Ünïcode"'},
    {"description": "One, two: three # four."},
    {"package_name": "a", "python_version": "3.13"},
    {"db_schema": "catalog", "primary_key": "uuid7", "soft_delete": True, "audit_log": True},
    {"example": False, "docker": False, "ci": "gitlab"},
]
# Release 2 changes lines that these edits change, too: the list of models, and the imports of what it moved.
FROM_1 = {
    "add_domain": {"models.py"},
    "delete_example": {"models.py"},
    "move_a_file": {"main.py", "health.py"},
}
CELLS = [(version, answers) for version in TARGETS for answers in COMBINATIONS if answers.keys() <= questions(version)]


def expected(service: Path, version: str, edits: Iterable[str]) -> set[str]:
    """The conflicts that nobody can avoid."""
    names = {name for edit in edits for name in FROM_1.get(edit, ()) if version.startswith("1.")}
    return {f"src/{package(service).name}/{name}" for name in names}


def resolve(service: Path) -> None:
    """Do what a person does after the step from release 1: take the release's side, and the new names."""
    block = re.compile(r"<<<<<<< .*?=======\n(.*?)>>>>>>> [^\n]*\n", re.DOTALL)
    for name in conflicts(service):
        (service / name).write_text(block.sub(r"\1", (service / name).read_text()))
    for file in service.rglob("*.py"):
        text = file.read_text().replace("problems import problem_responses", "errors import error_responses")
        file.write_text(text.replace("problem_responses(", "error_responses("))


@pytest.mark.slow
@pytest.mark.parametrize("edit", ALL)
@pytest.mark.parametrize("version", TARGETS)
def test_an_edit_survives(history: Path, tmp_path: Path, version: str, edit: str) -> None:
    service = start(history, tmp_path / "service", version)
    ALL[edit](service)
    commit(service, edit)
    mine = lines_of_mine(service)
    began = time.perf_counter()
    update(service, TARGETS[version])
    seconds = time.perf_counter() - began
    print(f"{edit} {version} conflicts={sorted(conflicts(service))} lost={lost(mine, service)} {seconds:.1f} s")
    assert conflicts(service) == expected(service, version, [edit])
    assert lost(mine, service) == Counter()
    assert not (edit == "delete_example" and "books" in run(service, "git", "status", "--short"))


@pytest.mark.slow
def test_lines_in_a_test_that_the_release_drops_survive(history: Path, tmp_path: Path) -> None:
    """Release 2 keeps the file, and proves the rest of it in the template."""
    service = start(history, tmp_path / "service", "1.1.0")
    suite = service / "tests" / "database" / "test_errors.py"
    replace(suite, "async def test_a_deadlock(", "# This is mine.\nasync def test_a_deadlock(")
    append(suite, "\n\ndef test_mine() -> None:\n    assert True\n")
    commit(service, "Mine")
    mine = lines_of_mine(service)
    update(service, WORKING_TREE)
    assert conflicts(service) == {"tests/database/test_errors.py"}
    assert lost(mine, service) == Counter()


@pytest.mark.slow
@pytest.mark.parametrize(("version", "answers"), CELLS)
def test_everyday_edits_survive_in_each_combination(
    history: Path, tmp_path: Path, version: str, answers: dict[str, str | bool]
) -> None:
    service = edited(history, tmp_path / "service", version, EVERYDAY, **answers)
    mine = lines_of_mine(service)
    update(service, TARGETS[version])
    assert conflicts(service) == expected(service, version, EVERYDAY)
    assert lost(mine, service) == Counter()


@pytest.mark.slow
@pytest.mark.parametrize("version", TARGETS)
def test_the_suite_of_an_edited_service_passes_after_the_update(
    history: Path, tmp_path: Path, postgres: str, version: str
) -> None:
    service = edited(history, tmp_path / "service", version, EVERYDAY)
    mine = lines_of_mine(service)
    update(service, TARGETS[version])
    assert conflicts(service) == expected(service, version, EVERYDAY)
    assert lost(mine, service) == Counter()
    resolve(service)
    run(service, *PYTEST)
    run(service, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres)


@pytest.mark.slow
def test_a_deleted_example_stays_deleted(history: Path, tmp_path: Path, postgres: str) -> None:
    service = edited(history, tmp_path / "service", next(iter(TARGETS)), ("delete_example", "add_domain"))
    for version in (WORKING_TREE, NEXT):
        update(service, version)
        resolve(service)
        commit(service, version)
        assert [path for path in service.rglob("*books*") if ".git" not in path.parts] == []
        assert "books" not in (package(service) / "main.py").read_text() + (package(service) / "models.py").read_text()
    run(service, *PYTEST)
    run(service, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres)


@pytest.mark.slow
def test_bare_copier_updates_within_a_major_version(history: Path, tmp_path: Path) -> None:
    service = edited(history, tmp_path / "service", WORKING_TREE)
    mine = lines_of_mine(service)
    bare_update(service, NEXT)
    assert conflicts(service) == set()
    assert lost(mine, service) == Counter()
    patched = start(history, tmp_path / "patched", WORKING_TREE)
    replace(package(patched) / "database" / "startup.py", "RETRY_DELAY = 0.2\n", "RETRY_DELAY = 0.5  # mine\n")
    commit(patched, "Patched")
    bare_update(patched, NEXT)
    assert conflicts(patched) == {"src/my_service/database/startup.py"}


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    version=st.sampled_from(sorted(TARGETS)),
    edits=st.lists(st.sampled_from(sorted(ALL)), unique=True, max_size=6),
    again=st.booleans(),
)
def test_no_sequence_of_edits_loses_a_line(
    history: Path, tmp_path_factory: pytest.TempPathFactory, version: str, edits: list[str], again: bool
) -> None:
    service = edited(history, tmp_path_factory.mktemp("property") / "service", version, edits)
    mine = lines_of_mine(service)
    target = NEXT if again else TARGETS[version]
    update(service, target)
    assert conflicts(service) <= expected(service, version, edits)
    assert lost(mine, service) == Counter()
