"""Updates from every release to the working tree, and on to a made-up next release, lose no line."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testkit.edits import ALL, EVERYDAY, append, lines_of_mine, package, replace
from testkit.projects import PYTEST, commit, run
from testkit.releases import NEXT, WORKING_TREE, questions
from testkit.updates import TARGETS, bare_update, case, conflicts, edited, lost, start, update, use_new_names

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
# The last release before files moved.
LAST_OF_1 = "1.1.0"


def cells() -> Iterator[object]:
    """Each combination with each release that has its questions. The sample has one release of each, in turn."""
    for number, answers in enumerate(COMBINATIONS):
        versions = [version for version in TARGETS if answers.keys() <= questions(version)]
        for place, version in enumerate(versions):
            yield case(version, answers, sample=place == number % len(versions))


def expected(service: Path, version: str, edits: Iterable[str]) -> set[str]:
    """The conflicts that nobody can avoid."""
    names = {name for edit in edits for name in FROM_1.get(edit, ()) if version.startswith("1.")}
    return {f"src/{package(service).name}/{name}" for name in names}


def resolve(service: Path) -> None:
    """Do what a person does after the step from release 1: take the release's side, and the new names."""
    block = re.compile(r"<<<<<<< .*?=======\n(.*?)>>>>>>> [^\n]*\n", re.DOTALL)
    for name in conflicts(service):
        (service / name).write_text(block.sub(r"\1", (service / name).read_text()))
    use_new_names(service)


@pytest.mark.slow
@pytest.mark.parametrize("edit", ALL)
@pytest.mark.parametrize("version", [case(version, sample=version == LAST_OF_1) for version in TARGETS])
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
@pytest.mark.parametrize(("version", "answers"), list(cells()))
def test_everyday_edits_survive_in_each_combination(
    history: Path, tmp_path: Path, version: str, answers: dict[str, str | bool]
) -> None:
    service = edited(history, tmp_path / "service", version, EVERYDAY, **answers)
    mine = lines_of_mine(service)
    update(service, TARGETS[version])
    assert conflicts(service) == expected(service, version, EVERYDAY)
    assert lost(mine, service) == Counter()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "database"),
    [
        case(version, database, sample=(version, database) == (LAST_OF_1, "postgres"))
        for version in TARGETS
        for database in ("sqlite", "postgres")
    ],
)
def test_the_suite_of_an_edited_service_passes_after_the_update(
    history: Path, tmp_path: Path, postgres: str, version: str, database: str
) -> None:
    service = edited(history, tmp_path / "service", version, EVERYDAY)
    mine = lines_of_mine(service)
    update(service, TARGETS[version])
    assert conflicts(service) == expected(service, version, EVERYDAY)
    assert lost(mine, service) == Counter()
    resolve(service)
    run(service, *PYTEST, f"--database={database}", TEST_DATABASE_URL=postgres)


@pytest.mark.slow
def test_a_deleted_example_stays_deleted(history: Path, tmp_path: Path, postgres: str) -> None:
    service = edited(history, tmp_path / "service", next(iter(TARGETS)), ("delete_example", "add_domain"))
    for version in (WORKING_TREE, NEXT):
        update(service, version)
        resolve(service)
        commit(service, version)
        assert [path for path in service.rglob("*books*") if ".git" not in path.parts] == []
        assert "books" not in (package(service) / "main.py").read_text() + (package(service) / "models.py").read_text()
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
@pytest.mark.exhaustive
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
