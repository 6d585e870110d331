"""Answers that change with an update: files come and go, lines of the user stay, words say what must be migrated."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from testkit.edits import EVERYDAY, lines_of_mine, package, replace
from testkit.projects import BIN, PYTEST, ROOT, clean_environment, commit, execute, run
from testkit.releases import NEXT, WORKING_TREE
from testkit.updates import case, conflicts, edited, lost, start, update

pytestmark = pytest.mark.updates

LATEST = WORKING_TREE


def updated(service: Path, *answers: str) -> tuple[int, str]:
    return update(service, LATEST, *(argument for answer in answers for argument in ("-d", answer)))


def copier_update(service: Path, *answers: str) -> tuple[int, str]:
    """Run copier as a person would. The status, and what it says."""
    data = [argument for answer in answers for argument in ("-d", answer)]
    process = subprocess.run(
        [BIN / "copier", "update", "--defaults", f"--vcs-ref={LATEST}", *data],
        cwd=service,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return process.returncode, process.stderr


MESSAGES = {
    "soft_delete=true": 'make migration m="soft delete"',
    "audit_log=true": 'make migration m="audit log"',
    "auth=api_keys": 'make migration m="callers"',
    "db_schema=catalog": 'ALTER TABLE books SET SCHEMA "catalog"',
    "primary_key=uuid7": "existing tables keep their keys",
    "python_version=3.12": "Updated.",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [case(list(MESSAGES), sample=True), *(case([answer], sample=False) for answer in MESSAGES)],
    ids=",".join,
)
def test_answers_change(history: Path, tmp_path: Path, answers: list[str]) -> None:
    service = edited(history, tmp_path / "service", LATEST, EVERYDAY)
    mine = lines_of_mine(service)
    status, message = updated(service, *answers)
    assert status == 0, message
    for answer in answers:
        assert MESSAGES[answer] in message
    assert conflicts(service) == set()
    assert lost(mine, service) == Counter()


@pytest.mark.slow
def test_containers_off_and_another_pipeline(history: Path, tmp_path: Path) -> None:
    service = edited(history, tmp_path / "service", LATEST, EVERYDAY)
    _, message = updated(service, "docker=false", "ci=gitlab")
    assert "Your changes to them are in git: git show HEAD:Dockerfile" in message
    assert conflicts(service) == set()
    assert [
        name for name in ("Dockerfile", "compose.yaml", ".github/workflows/ci.yml") if (service / name).exists()
    ] == []
    assert (service / ".gitlab-ci.yml").exists()
    assert "redis: # mine" in run(service, "git", "show", "HEAD:compose.yaml")


ROUTER = """\
from fastapi import APIRouter

router = APIRouter()


@router.get("/mine")
async def read_mine() -> str:
    return "mine"
"""
TEST = """\
from httpx import AsyncClient


async def test_mine(client: AsyncClient) -> None:
    assert (await client.get("/mine")).json() == "mine"
"""


def add_router(service: Path) -> Path:
    """Add a router and its test. Returns main.py."""
    (package(service) / "mine.py").write_text(ROUTER)
    (service / "tests" / "test_mine.py").write_text(TEST)
    main = package(service) / "main.py"
    replace(main, "# isort: split\n", "# isort: split\nfrom . import mine\n")
    replace(main, "    # Your routers:\n", "    # Your routers:\n    app.include_router(mine.router)\n")
    return main


@pytest.mark.slow
def test_answers_that_need_a_migration_switched_on(history: Path, tmp_path: Path, postgres: str) -> None:
    service = start(history, tmp_path / "service", LATEST)
    main = add_router(service)
    commit(service, "A router of mine")
    status, message = updated(service, "soft_delete=true", "audit_log=true", "auth=api_keys")
    assert status == 0, message
    run(service, "alembic", "upgrade", "head", DATABASE_URL=postgres)
    run(service, "alembic", "revision", "--autogenerate", "-m", "audit log", DATABASE_URL=postgres)
    (migration,) = package(service).glob("database/migrations/versions/*_audit_log.py")
    assert 'prefixes=["UNLOGGED"]' in migration.read_text()
    # As the message says: a route of mine is refused by name, and my tests are logged in.
    assert "include your routers with\ndependencies=[Depends(get_principal)]" in message
    refused = execute(service, "python", "-c", "from my_service.main import create_app; create_app()")[1]
    assert "RuntimeError: No principal is needed for GET /mine. Include the router with dep" in refused
    replace(main, "(mine.router)", "(mine.router, dependencies=[Depends(get_principal)])")
    run(service, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres)


@pytest.mark.slow
def test_answers_that_locate_files_cannot_change(history: Path, tmp_path: Path) -> None:
    service = start(history, tmp_path / "service", LATEST)
    for answer in ("package_name=store", "scope=database", "example=false"):
        status, message = copier_update(service, answer)
        assert status == 1, answer
        assert "cannot change in an update" in message
        assert run(service, "git", "status", "--short") == ""
    same, message = copier_update(service, "package_name=my_service", "scope=service")
    assert same == 0, message


@pytest.mark.slow
def test_a_package_renamed_by_hand(history: Path, tmp_path: Path) -> None:
    """By the commands of docs/updating.md: in the answers file, too."""
    service = edited(history, tmp_path / "service", LATEST, EVERYDAY)
    commands = re.findall(r"^        (git .*)$", (ROOT / "docs" / "updating.md").read_text(), re.MULTILINE)
    assert len(commands) == 3
    run(service, "git", "config", "user.name", "Nobody")
    run(service, "git", "config", "user.email", "nobody@example.com")
    for command in commands:
        run(service, "sh", "-c", command)
    mine = lines_of_mine(service)
    status, message = update(service, NEXT)
    assert status == 0, message
    assert conflicts(service) == set()
    assert lost(mine, service) == Counter()
    assert not (service / "src" / "my_service").exists()
    run(service, *PYTEST)
