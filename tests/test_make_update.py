"""`make update`, `make outdated` and `make check` in a service: what they say, refuse, merge and undo."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from shlex import quote

import pytest

from testkit.edits import ALL, lines_of_mine, package, replace
from testkit.make import TOOL, make, use_this_environment
from testkit.projects import BIN, ROOT, clean_environment, commit, run
from testkit.releases import NEXT, WORKING_TREE, releases
from testkit.updates import conflicts, edited, lost, start, update

pytestmark = pytest.mark.updates


@pytest.fixture
def service(history: Path, tmp_path: Path) -> Path:
    """A service of the working tree, while there is a newer release."""
    service = start(history, tmp_path / "service", WORKING_TREE)
    use_this_environment(service)
    return service


def test_outdated(service: Path) -> None:
    status, output = make(service, "outdated")
    assert (status, output.splitlines()[0]) == (
        2,
        f"This service has {WORKING_TREE} of its template; the newest release is {NEXT}.",
    )
    update(service, NEXT)
    assert make(service, "outdated")[0] == 0


@pytest.mark.slow
def test_outdated_with_the_real_uv(service: Path) -> None:
    (service / ".venv" / "bin" / "uv").write_text(TOOL.format(tool=quote(str(BIN / "uv"))))
    status, output = make(service, "outdated", UV_SYSTEM_CERTS="1")
    assert status == 2, output
    assert f"the newest release is {NEXT}" in output


@pytest.mark.slow
def test_update_shows_merges_and_tests(service: Path, postgres: str) -> None:
    ALL["add_settings"](service)
    commit(service, "Mine")
    mine = lines_of_mine(service)
    status, output = make(service, "update", TEST_DATABASE_URL=postgres)
    assert status == 0, output
    assert f"From {WORKING_TREE} to {NEXT}:\n\n## {NEXT}\n\n- The next release.\n" in output
    # The working tree's, which has no number yet; after a release there is none.
    assert ("## Unreleased" in output) == ("## Unreleased" in (ROOT / "CHANGELOG.md").read_text())
    assert output.count(" passed") == 2
    assert output.rstrip().endswith("Look at `git diff` and the new files above, run `make check`, and commit.")
    assert lost(mine, service) == Counter()
    commit(service, "Updated")
    assert "there is nothing newer" in make(service, "update")[1]


def test_update_refuses_uncommitted_work(service: Path) -> None:
    (service / "notes.txt").write_text("mine")
    status, output = make(service, "update")
    assert status == 2
    assert "?? notes.txt\nThis is not committed. Commit or stash it" in output
    assert run(service, "git", "status", "--short") == "?? notes.txt\n"


@pytest.mark.slow
def test_a_conflict_is_named_and_refused(service: Path) -> None:
    replace(package(service) / "database" / "startup.py", "RETRY_DELAY = 0.2\n", "RETRY_DELAY = 0.5  # mine\n")
    commit(service, "Patched")
    status, output = make(service, "update")
    assert status == 2
    assert "You and the template changed the same lines in: src/my_service/database/startup.py\n" in output
    for target in ("check", "update"):
        status, output = make(service, target)
        assert status == 2
        assert "src/my_service/database/startup.py" in output
    go_back = output.partition("go back: ")[2].splitlines()[0]
    documented = re.findall(r"^    (git .*)$", (ROOT / "docs" / "updating.md").read_text(), re.MULTILINE)
    assert go_back == " && ".join(documented)
    run(service, "sh", "-c", go_back)
    assert run(service, "git", "status", "--short") == ""
    (service / "notes.md").write_text("Text\n<<<<<<< HEAD\n")
    assert "and >>>>>>> in: notes.md" in make(service, "check")[1]


@pytest.mark.slow
@pytest.mark.parametrize("version", releases())
def test_a_reformatted_service_is_merged_in_its_own_format(history: Path, tmp_path: Path, version: str) -> None:
    """`copier update` finds conflicts where the formatter broke lines; `make update`, which it brings, merges them."""
    service = edited(history, tmp_path / "service", version, ("add_router", "reformat"))
    mine = lines_of_mine(service)
    update(service, WORKING_TREE)
    use_this_environment(service)
    make(service, "update", PYTEST_ADDOPTS="--collect-only")
    assert conflicts(service) == set()
    assert lost(mine, service) == Counter()
    run(service, "ruff", "format", "--check", "--no-cache")
    run(service, "pytest", "-p", "no:cacheprovider")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fails", "interrupted"])
def test_an_update_that_does_not_end_leaves_the_service_as_it_was(service: Path, tmp_path: Path, how: str) -> None:
    """A copier that writes half an update, then fails or waits for the Ctrl-C."""
    tools = tmp_path / "tools"
    tools.mkdir()
    ending = "exit 1" if how == "fails" else f"touch {quote(str(tmp_path / 'waiting'))}; exec sleep 60"
    (tools / "copier").write_text(
        f'#!/bin/sh\n[ "$1" = update ] || exec {quote(str(BIN / "copier"))} "$@"\n'
        f"echo half > Makefile; echo half > new.py; rm alembic.ini; {ending}\n"
    )
    (tools / "copier").chmod(0o755)
    ALL["add_settings"](service)
    commit(service, "Mine")
    process = subprocess.Popen(
        ["make", "update"],
        cwd=service,
        env=clean_environment() | {"PATH": f"{tools}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    if how == "interrupted":
        deadline = time.monotonic() + 30
        while not (tmp_path / "waiting").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "The update did not come to its end. All is as it was before." in output
    assert run(service, "git", "status", "--short") == ""


@pytest.mark.slow
def test_a_fix_reaches_a_service_that_has_the_fault(history: Path, tmp_path: Path, postgres: str) -> None:
    """A release whose sessions forget to commit; a service made from it; the update; and the rows are there."""
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    run(template, "git", "checkout", "--quiet", WORKING_TREE)
    session = template / "template" / "{{package_dir}}" / "database" / "session.py"
    right = session.read_text()
    replace(session, "            await db.commit()\n", "")
    commit(template, "The fault")
    run(template, "git", "tag", "20000.0.0")
    session.write_text(right)
    commit(template, "The fix")
    run(template, "git", "tag", "20000.0.1")
    service = edited(template, tmp_path / "service", "20000.0.0", ("add_settings", "add_router"))
    suite = ("pytest", "-p", "no:cacheprovider", "-q", "tests/database/test_sessions.py", "--database=postgres")
    with pytest.raises(AssertionError, match=r"\d+ failed"):
        run(service, *suite, TEST_DATABASE_URL=postgres)
    update(service, "20000.0.1")
    assert conflicts(service) == set()
    run(service, *suite, TEST_DATABASE_URL=postgres)


def test_the_script_is_typed(service: Path) -> None:
    run(service, "mypy", "--strict", f"--cache-dir={ROOT / '.cache' / 'mypy' / 'update'}", "scripts/update.py")
