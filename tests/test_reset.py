"""The development database: deleted on demand, and the first migration of a service without the example."""

import re
import subprocess
from pathlib import Path

import pytest

from testkit.edits import ALL
from testkit.make import make, use_this_environment
from testkit.projects import BIN, clean_environment, commit
from testkit.rendering import Render

pytestmark = pytest.mark.slow


@pytest.fixture
def service(render: Render) -> Path:
    service = render()
    use_this_environment(service)
    return service


def test_the_example_is_deleted_after_the_first_run(service: Path) -> None:
    """By the steps of the quickstart."""
    commit(service, "From the template")
    status, output = make(service, "migrate")
    assert status == 0, output
    ALL["delete_example"](service)
    for target in ("migrate", "migration"):
        status, output = make(service, target, "m=first")
        assert status != 0
        assert re.search(r"Can't locate revision identified by '0001'\. .*start again with `make reset`\.", output)
        assert "Traceback" not in output
    status, output = make(service, "reset")
    assert (status, "Nothing was deleted." in output) == (2, True)
    assert (service / ".data" / "postgres").exists()
    assert make(service, "reset", "yes=1") == (0, "")
    assert not (service / ".data" / "postgres").exists()
    status, output = make(service, "migration", "m=first")
    assert status == 0, output
    check_first_migration(service, output)
    status, output = make(service, "migrate")
    assert (status, "Running upgrade  -> " in output) == (0, True), output


def check_first_migration(service: Path, output: str) -> None:
    (file,) = service.glob("src/*/database/migrations/versions/*.py")
    text = file.read_text()
    assert re.search(r"^Revision: \w+\nCreated: ", text, re.MULTILINE)
    assert re.search(r"[ \t]+$", text, re.MULTILINE) is None
    assert not re.search(r"W291|Found \d+ error|warning", output)


def test_later_migrations_name_the_one_before(service: Path) -> None:
    status, output = make(service, "migration", "m=second")
    assert status == 0, output
    (file,) = service.glob("src/*/database/migrations/versions/*_second.py")
    assert "\nRevises: 0001\nCreated: " in file.read_text()


def test_a_database_in_use_is_not_deleted(service: Path) -> None:
    holder = subprocess.Popen(
        [BIN / "python", "-m", "my_service.database.devserver", "sh", "-c", "echo ready; read line"],
        cwd=service,
        env=clean_environment() | {"PYTHONPATH": str(service / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "ready\n"
    status, output = make(service, "reset", "yes=1")
    assert (status, "The database is in use. First stop the program" in output) == (2, True), output
    holder.communicate("\n")
    assert holder.returncode == 0
    assert make(service, "reset", "yes=1") == (0, "")


def test_there_is_nothing_to_delete(service: Path) -> None:
    status, output = make(service, "reset", "yes=1")
    assert (status, "There is no database in " in output) == (2, True), output
