"""`make update`, `make update-preview` and `make outdated` in a service, and the same script for a layer."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from shutil import rmtree

import pytest
import yaml

from testkit.edits import ALL, lines_of_mine, package, replace
from testkit.make import TOOL, make, use_this_environment
from testkit.projects import BIN, PYTEST, ROOT, clean_environment, commit, run, tree
from testkit.releases import NEXT, WORKING_TREE, releases, tag
from testkit.updates import case, conflicts, edited, lost, start, update

pytestmark = pytest.mark.updates

LAUNCHER = "template/scripts/update.py"


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
        f"This project uses release {WORKING_TREE} of its template; the newest is {NEXT}.",
    )
    update(service, NEXT)
    assert make(service, "outdated")[0] == 0


@pytest.mark.slow
def test_outdated_with_the_real_uv(service: Path) -> None:
    (service / ".venv" / "bin" / "uv").write_text(TOOL.format(tool=f"'{BIN / 'uv'}'"))
    status, output = make(service, "outdated", UV_SYSTEM_CERTS="1")
    assert status == 2, output
    assert f"the newest is {NEXT}" in output


@pytest.mark.slow
def test_update_shows_merges_and_tests(service: Path, postgres: str) -> None:
    ALL["add_settings"](service)
    commit(service, "Mine")
    mine = lines_of_mine(service)
    (service / "uv.lock").write_text("version = 1\n")  # as the first `make` of a fresh checkout writes it
    before = tree(service / "src")
    status, preview = make(service, "update-preview")
    assert status == 0, preview
    assert tree(service / "src") == before
    status, output = make(service, "update", TEST_DATABASE_URL=postgres)
    assert status == 0, output
    for text in (preview, output):
        assert f"From {WORKING_TREE} to {NEXT}:\n\n## {NEXT}\n\n- The next release.\n" in text
        assert "\nM src/my_service/settings.py\n" in text
        # The working tree's, which has no number yet; after a release there is none.
        assert ("## Unreleased" in text) == ("## Unreleased" in (ROOT / "CHANGELOG.md").read_text())
    assert output.count(" passed") == 2
    assert "Updated, and the tests pass. Review `git diff HEAD`, run `make check`, and commit.\n" in output
    assert lost(mine, service) == Counter()
    commit(service, "Updated")
    assert "there is no newer release" in make(service, "update")[1]


@pytest.mark.slow
def test_a_conflict_is_named_by_update_and_by_check(service: Path) -> None:
    replace(package(service) / "database" / "startup.py", "RETRY_DELAY = 0.2\n", "RETRY_DELAY = 0.5  # mine\n")
    commit(service, "Patched")
    status, output = make(service, "update")
    assert status == 2
    assert "You and the template changed the same lines in: src/my_service/database/startup.py\n" in output
    for target in ("check", "update"):
        status, output = make(service, target)
        assert status == 2
        assert "src/my_service/database/startup.py" in output
    go_back = output.partition("last commit: ")[2].splitlines()[0]
    assert f"\n    {go_back}\n" in (ROOT / "docs" / "updating.md").read_text()
    run(service, "sh", "-c", go_back)
    assert run(service, "git", "status", "--short") == ""
    (service / "notes.md").write_text("Text\n<<<<<<< HEAD\n")
    assert "and >>>>>>> in: notes.md" in make(service, "check")[1]


@pytest.mark.parametrize(
    ("line", "changed", "words"),
    [
        ("_src_path: .*", "_src_path: /nowhere/template", "Cannot read the template: fatal: repository"),
        ("_src_path: .*", "_src_path: gh:nobody", "_src_path in .copier-answers.yml"),
        ("_src_path: .*\n", "", "_src_path is missing"),
        ("_commit: .*", "_commit: [", "while parsing a flow sequence"),
        ("_commit: .*", "_commit: 7.7.7", "has no release '7.7.7': set `_commit`"),
    ],
)
def test_an_answers_file_that_leads_nowhere_is_one_sentence(service: Path, line: str, changed: str, words: str) -> None:
    answers = service / ".copier-answers.yml"
    answers.write_text(re.sub(line, changed, answers.read_text()))
    commit(service, "Mine")
    status, output = make(service, "update", GIT_ALLOW_PROTOCOL="file")
    assert status == 2
    assert words in output
    assert "Traceback" not in output


def test_an_answers_file_of_another_name_is_asked_for(service: Path) -> None:
    (service / ".copier-answers.yml").rename(service / ".answers.yml")
    status, output = make(service, "outdated")
    assert status == 2
    assert "There is no .copier-answers.yml here. Name it with -a FILE. Is it .answers.yml?" in output


@pytest.mark.slow
@pytest.mark.parametrize("name", [case(name, sample=name == "SIGHUP") for name in ("SIGINT", "SIGTERM", "SIGHUP")])
def test_signals_reach_the_updater(service: Path, tmp_path: Path, name: str) -> None:
    """Through make, uv and the script: a Ctrl-C goes to all of them, the others to make alone."""
    before = tree(service / "src")
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        ["make", "update"],
        cwd=service,
        env=clean_environment() | {"TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list((tmp_path / "temporary").glob("update-*/project")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.Signals[name])
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert tree(service / "src") == before
    assert run(service, "git", "status", "--short") == ""


@pytest.mark.slow
def test_a_service_without_the_layers_tests_runs_its_own(service: Path) -> None:
    rmtree(service / "tests" / "database")
    (service / "tests" / "conftest.py").write_text("")
    for file in (*(service / "tests").glob("test_*.py"), *(service / "tests" / "books").glob("test_*.py")):
        file.unlink()
    (service / "tests" / "test_mine.py").write_text("def test_mine() -> None: ...\n")
    commit(service, "Delete what is not mine")
    status, output = make(service, "update", PYTEST_ADDOPTS="-p no:cacheprovider")
    assert status == 0, output
    assert "tests/database is missing, so only your own tests run" in output
    assert "1 passed" in output


# From release 1


def command(output: str) -> str:
    """The command that a refusal prints."""
    return output.partition("Run: ")[2].splitlines()[0].rstrip("\"'")


@pytest.mark.parametrize("version", [version for version in releases() if version.startswith("1.")])
def test_bare_copier_refuses_the_step_from_release_1(history: Path, tmp_path: Path, version: str) -> None:
    service = start(history, tmp_path / "service", version)
    before = {path: content for path, content in tree(service).items() if not path.startswith(".git/")}
    process = subprocess.run(
        [BIN / "copier", "update", "--defaults"], cwd=service, env=clean_environment(), capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    assert f"Run: T=$(mktemp -d) && git clone -q {history} $T && uv run --script $T/{LAUNCHER}" in process.stderr
    assert run(service, "git", "status", "--short", "--ignored") == ""
    assert {path: content for path, content in tree(service).items() if not path.startswith(".git/")} == before


@pytest.mark.slow
def test_the_script_of_release_1_refuses_and_leads_to_the_new_one(history: Path, tmp_path: Path) -> None:
    """With the script that 1.1.0 has. What it prints is run as it is."""
    service = edited(history, tmp_path / "service", "1.1.0", ("add_settings", "add_router"))
    mine = lines_of_mine(service)
    use_this_environment(service)
    (service / ".venv" / "ready").touch()
    before = {path: content for path, content in tree(service).items() if not path.startswith(".git/")}
    status, output = make(service, "update")
    assert status == 2
    assert "The update did not come to its end. All is as it was before." in output
    assert {path: content for path, content in tree(service).items() if not path.startswith(".git/")} == before
    assert command(output).endswith(f".venv/bin/uv run --script $T/{LAUNCHER}")
    process = subprocess.run(
        ["sh", "-c", f"{command(output)} --no-tests"],
        cwd=service,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert conflicts(service) == set()
    assert lost(mine, service) == Counter()
    assert f"_commit: {NEXT}" in (service / ".copier-answers.yml").read_text()
    # The example is the user's, and still imports what release 2 has renamed: that is all that a person must change.
    assert process.returncode == 1
    router = service / "src" / "my_service" / "books" / "router.py"
    uses = [number for number, line in enumerate(router.read_text().splitlines(), 1) if "problem_responses" in line]
    assert uses
    moved = "my_service.problems.problem_responses is now my_service.errors.error_responses"
    named = process.stdout.partition("\nNames that moved:\n")[2].partition("\n\n")[0].splitlines()
    assert named == [f"{router.relative_to(service)}:{number}: {moved}" for number in uses]
    assert list(service.rglob("*.before-update")) == []


@pytest.mark.slow
def test_a_fix_reaches_a_service_that_has_the_fault(history: Path, tmp_path: Path, postgres: str) -> None:
    """A release whose sessions forget to commit; a service made from it; the update; and the rows are there."""
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    run(template, "git", "checkout", "--quiet", WORKING_TREE)
    session = template / "template" / "{{package_dir}}" / "database" / "session.py"
    right = session.read_text()
    replace(session, "            await db.commit()\n", "")
    tag(template, "20000.0.0")
    session.write_text(right)
    tag(template, "20000.0.1")
    service = edited(template, tmp_path / "service", "20000.0.0", ("add_settings", "add_router"))
    suite = (*PYTEST, "-q", "tests/database/test_sessions.py", "--database=postgres")
    with pytest.raises(AssertionError, match=r"\d+ failed"):
        run(service, *suite, TEST_DATABASE_URL=postgres)
    update(service, "20000.0.1")
    assert conflicts(service) == set()
    run(service, *suite, TEST_DATABASE_URL=postgres)


def test_tags_may_begin_with_v(history: Path, tmp_path: Path) -> None:
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    for version in (WORKING_TREE, NEXT):
        run(template, "git", "tag", f"v{version}", version)
    run(template, "git", "tag", "--delete", *run(template, "git", "tag", "--list", "[0-9]*").split())
    service = start(template, tmp_path / "service", f"v{WORKING_TREE}")
    assert yaml.safe_load((service / ".copier-answers.yml").read_text())["_commit"] == f"v{WORKING_TREE}"
    use_this_environment(service)
    assert f"release v{WORKING_TREE} of its template; the newest is v{NEXT}." in make(service, "outdated")[1]
    status, output = update(service, f"v{NEXT}")
    assert status == 0, output
    assert f"From v{WORKING_TREE} to v{NEXT}:\n\n## {NEXT}\n\n- The next release.\n" in output
    assert f"_commit: v{NEXT}\n" in (service / ".copier-answers.yml").read_text()


def test_the_script_is_typed(service: Path) -> None:
    run(service, "mypy", "--strict", f"--cache-dir={ROOT / '.cache' / 'mypy' / 'update'}", "scripts/update.py")
