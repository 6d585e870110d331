"""What the updater promises: no line is lost, nothing else is touched, and the status says whether to look."""

import fcntl
import os
import signal
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from shutil import rmtree

import pytest

from testkit.edits import ALL, append, lines_of_mine, package, replace
from testkit.edits.hostile import hostile_environment
from testkit.projects import BIN, commit, run, tree
from testkit.releases import MAJOR, NEXT, WORKING_TREE, add_major, tag
from testkit.updates import conflicts, edited, lost, start, update

pytestmark = pytest.mark.updates

STARTUP = "src/my_service/database/startup.py"


@pytest.fixture
def service(history: Path, tmp_path: Path) -> Path:
    """A service of the working tree, while there is a newer release."""
    return start(history, tmp_path / "service", WORKING_TREE)


def patch_startup(service: Path) -> None:
    replace(service / STARTUP, "RETRY_DELAY = 0.2\n", "RETRY_DELAY = 0.5  # mine\n")


def work_tree(service: Path) -> dict[str, bytes | None]:
    return {path: content for path, content in tree(service).items() if not path.startswith(".git/")}


def refused(service: Path, *arguments: str, **environment: str) -> str:
    """The message of an update that is refused, and that has changed nothing."""
    before, index = work_tree(service), run(service, "git", "ls-files", "--stage")
    status, output = update(service, NEXT, *arguments, **environment)
    assert status == 1, output
    assert work_tree(service) == before
    assert run(service, "git", "ls-files", "--stage") == index
    return output


# Conflicts


def test_a_conflict_has_markers_and_three_sides_in_the_index(service: Path) -> None:
    patch_startup(service)
    commit(service, "Patched")
    status, output = update(service, NEXT)
    assert status == 1
    assert conflicts(service) == {STARTUP}
    assert f"You and the template changed the same lines in: {STARTUP}\n" in output
    text = (service / STARTUP).read_text()
    assert "<<<<<<< before updating\nRETRY_DELAY = 0.5  # mine\n" in text
    assert "RETRY_DELAY = 0.25\n>>>>>>> after updating\n" in text
    for stage, delay in (("1", "0.2\n"), ("2", "0.5  # mine\n"), ("3", "0.25\n")):
        assert f"RETRY_DELAY = {delay}" in run(service, "git", "show", f":{stage}:{STARTUP}")


def test_one_command_undoes_an_update(service: Path) -> None:
    patch_startup(service)
    commit(service, "Patched")
    (service / "notes.txt").write_text("mine")
    before = work_tree(service)
    _, output = update(service, NEXT)
    assert work_tree(service) != before
    run(service, "sh", "-c", output.partition("To go back: ")[2].splitlines()[0])
    assert work_tree(service) == before
    assert run(service, "git", "status", "--short") == "?? notes.txt\n"


def test_a_conflict_that_was_resolved_by_hand_is_not_merged_again(service: Path) -> None:
    patch_startup(service)
    commit(service, "Patched")
    update(service, NEXT)
    replace(service / STARTUP, "RETRY_DELAY = 0.25\n", "RETRY_DELAY = 0.75  # mine, too\n")
    assert f"These files have conflicts: {STARTUP}\n" in refused(service)


def test_a_merge_in_progress_is_finished_first(service: Path) -> None:
    for branch, line in (("one", "1"), ("two", "2")):
        run(service, "git", "checkout", "--quiet", "-B", branch, "main")
        (service / "README.md").write_text(f"{line}, mine\n")
        commit(service, branch)
    subprocess.run(["git", "merge", "one"], cwd=service, capture_output=True)
    assert "A merge is in progress. Finish it first" in refused(service)
    (service / "README.md").write_text("12, mine\n")
    run(service, "git", "add", "README.md")
    assert "A merge is in progress. Finish it first" in refused(service)


@pytest.mark.parametrize(
    ("file", "old", "mine"),
    [
        ("pyproject.toml", '"uvicorn[standard]>=0.54"', '"uvicorn>=0.54"'),
        ("Makefile", "\n# Yours:\n", "\nseed: # mine\n\n# Yours:\n"),
        ("scripts/update.py", "import argparse\n", "import argparse, ast\n"),
    ],
)
def test_a_file_that_a_tool_reads_keeps_working(
    history: Path, tmp_path: Path, service: Path, file: str, old: str, mine: str
) -> None:
    """The user's side stays in place, and both sides stand beside it."""
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    replace(template / "template" / "scripts" / "update.py", "import argparse\n", "import argparse, abc\n")
    tag(template, MAJOR)
    replace(service / ".copier-answers.yml", str(history), str(template))
    replace(service / file, old, mine)
    commit(service, "Mine")
    status, output = update(service, MAJOR)
    assert status == 1
    assert conflicts(service) == {file}
    assert file in output
    marked = (service / f"{file}.conflict").read_text()
    assert "<<<<<<< before updating\n" in marked
    assert mine.strip("\n").splitlines()[0] in marked
    text = (service / file).read_text()
    assert "\n<<<<<<<" not in text
    assert mine in text
    if file == "pyproject.toml":
        assert tomllib.loads(text)
    elif file == "Makefile":
        assert "make update" in run(service, "make", "help")
    else:
        compile(text, file, "exec")


@pytest.mark.parametrize(("raised", "kept"), [("0.54.0.5", "0.54.1"), ("0.55", "0.55")])
def test_versions_that_a_bot_raised_are_no_conflict(service: Path, raised: str, kept: str) -> None:
    """The higher version stays; where it is the release's, the message names both."""
    pyproject = service / "pyproject.toml"
    replace(pyproject, '"fastapi>=0.165"', '"fastapi>=0.170"')
    replace(pyproject, '"uvicorn[standard]>=0.54"', f'"uvicorn[standard]>={raised}"')
    commit(service, "Raise versions")
    status, output = update(service, NEXT)
    assert (status, conflicts(service)) == (0, set())
    assert '"fastapi>=0.170"' in pyproject.read_text()
    assert f'"uvicorn[standard]>={kept}"' in pyproject.read_text()
    note = f'pyproject.toml: "uvicorn[standard]>={raised}" became "uvicorn[standard]>={kept}", which is newer.'
    assert (note in output) == (raised != kept)


# Files that move


@pytest.fixture
def major(history: Path, tmp_path: Path) -> Path:
    """A template with a major release, which moves, splits and drops files, and drops a question."""
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    add_major(template)
    return template


def test_edits_move_with_a_file_and_stay_beside_one_that_was_split(major: Path, tmp_path: Path) -> None:
    service = start(major, tmp_path / "service", NEXT)
    folder = package(service)
    for file in (folder / "health.py", folder / "database" / "retry.py", service / ".env.example"):
        append(file, "\n# This is mine.\n")
    commit(service, "Mine")
    mine = lines_of_mine(service)
    status, output = update(service, MAJOR)
    assert status == 1
    assert lost(mine, service) == Counter()
    assert not (folder / "health.py").exists()
    assert (folder / "probes" / "health.py").read_text().endswith("# This is mine.\n")
    assert not (folder / "database" / "retry.py").exists()
    assert (folder / "database" / "retry.py.before-update").read_text().endswith("# This is mine.\n")
    assert "src/my_service/database/retry.py was split into src/my_service/database/attempts.py, " in output
    assert ".env.example is gone from the template; your version of it is .env.example.before-update." in output


def test_a_moved_file_has_its_conflict_at_its_new_place(major: Path, tmp_path: Path) -> None:
    service = start(major, tmp_path / "service", WORKING_TREE)
    replace(package(service) / "health.py", '"""', '"""Mine. ')
    commit(service, "Mine")
    moved = major / "template" / "{{package_dir}}" / "probes" / "health.py"
    replace(moved, '"""', '"""Theirs. ')
    tag(major, "10002.0.0")
    status, output = update(service, "10002.0.0")
    assert status == 1
    assert "the same lines in: src/my_service/probes/health.py\n" in output
    assert "<<<<<<< before updating" in (service / "src/my_service/probes/health.py").read_text()
    run(service, "git", "restore", "--source=HEAD", "--staged", "--worktree", ".")
    assert run(service, "git", "status", "--short") == ""


def test_without_edits_files_move_in_silence(major: Path, tmp_path: Path) -> None:
    service = start(major, tmp_path / "service", NEXT)
    status, output = update(service, MAJOR)
    assert list(service.rglob("*.before-update")) == []
    assert not (package(service) / "health.py").exists()
    assert status == 0, output


def test_a_moved_name_is_printed_where_it_is_used(major: Path, tmp_path: Path) -> None:
    service = start(major, tmp_path / "service", NEXT)
    folder = package(service)
    (folder / "extra.py").write_text("from . import health\nfrom .health import router as r\n\nx = health.router, r\n")
    commit(service, "Mine")
    status, output = update(service, MAJOR)
    assert status == 1
    for line in (2, 4):
        assert (
            f"src/my_service/extra.py:{line}: my_service.health.router is now my_service.probes.health.probes" in output
        )


def test_a_deleted_file_stays_deleted_where_it_moves(major: Path, tmp_path: Path) -> None:
    service = start(major, tmp_path / "service", NEXT)
    (package(service) / "health.py").unlink()
    commit(service, "Mine")
    _, output = update(service, MAJOR)
    assert not (package(service) / "probes").exists()
    assert "src/my_service/probes/health.py was not written: you deleted or moved src/my_service/health.py" in output


# Answers


@pytest.mark.parametrize("version", ["1.1.0", NEXT])
def test_a_dropped_question_and_a_key_of_ones_own_do_not_block(major: Path, tmp_path: Path, version: str) -> None:
    service = start(major, tmp_path / "service", version)
    append(service / ".copier-answers.yml", "# A comment, mine.\nours: [1, 2]\n")
    commit(service, "Mine")
    update(service, MAJOR)
    text = (service / ".copier-answers.yml").read_text()
    assert f"_commit: {MAJOR}\n" in text
    assert "docker:" not in text
    assert "# A comment, mine.\nours: [1, 2]\n" in text
    commit(service, "Updated")
    assert "no newer release" in update(service, MAJOR)[1]


@pytest.mark.parametrize(
    ("answer", "changed", "words"),
    [
        ("package_name: my_service", "package_name: store", "the package is in src/store, but no file of the template"),
        ("scope: service", "scope: database", "restore scope: service in .copier-answers.yml"),
        ("example: true", "example: false", "restore example: true in .copier-answers.yml"),
        ("_commit: 9999.0.0", "_commit: 7.7.7", "has no release '7.7.7': set `_commit`"),
        ("_commit: 9999.0.0\n", "", "has no _commit: set _commit"),
        ("ci: github", "ci: jenkins", "Invalid choice for 'ci': 'jenkins' is not in"),
    ],
)
def test_an_answers_file_changed_by_hand(service: Path, answer: str, changed: str, words: str) -> None:
    replace(service / ".copier-answers.yml", answer, changed)
    commit(service, "Mine")
    assert words in " ".join(refused(service).split())


def test_an_answer_that_is_no_longer_possible_is_refused(history: Path, tmp_path: Path) -> None:
    """Copier would take the default in silence. A stricter check applies to new projects only."""
    template = tmp_path / "template"
    run(tmp_path, "git", "clone", "--quiet", str(history), str(template))
    replace(template / "includes" / "reserved.jinja", " asyncpg ", " asyncpg my_service ")
    tag(template, MAJOR)
    replace(template / "copier.yml", 'choices: ["3.11", "3.12",', 'choices: ["3.12",')
    replace(template / "copier.yml", 'default: "3.11"', 'default: "3.12"')
    tag(template, "10002.0.0")
    service = start(template, tmp_path / "service", NEXT)
    before = work_tree(service)
    status, output = update(service, "10002.0.0")
    assert status == 1
    assert "python_version" in output
    assert work_tree(service) == before
    assert update(service, MAJOR)[0] == 0
    assert "package_name: my_service" in (service / ".copier-answers.yml").read_text()


# What is not in git, or not in the project


@pytest.mark.parametrize("ignored", [False, True])
def test_a_file_that_git_does_not_know_is_not_overwritten(major: Path, tmp_path: Path, ignored: bool) -> None:
    service = start(major, tmp_path / "service", NEXT)
    if ignored:
        append(service / ".gitignore", "attempts.py\n")
        commit(service, "Mine")
    file = package(service) / "database" / "attempts.py"
    file.write_text("mine = 1\n")
    before = work_tree(service)
    status, output = update(service, MAJOR)
    assert status == 1
    assert "Move these first: src/my_service/database/attempts.py" in output
    assert work_tree(service) == before


def test_files_that_git_does_not_know_are_left_alone(service: Path) -> None:
    """Such as uv.lock, which the first `make` of a fresh checkout writes."""
    others = {"uv.lock": "version = 1\n", "notes/todo.txt": "mine\n", ".env": "SECRET=mine\n"}
    for name, text in others.items():
        (service / name).parent.mkdir(exist_ok=True)
        (service / name).write_text(text)
    assert update(service, NEXT)[0] == 0
    assert {name: (service / name).read_text() for name in others} == others


def test_uncommitted_work_is_refused(service: Path) -> None:
    append(service / "README.md", "mine\n")
    assert " M README.md\nCommit or stash these changes first" in refused(service)


def test_the_rest_of_a_repository_is_not_touched(history: Path, tmp_path: Path) -> None:
    """A project in a folder of a repository, with work beside it that is not committed, and rejected hunks."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "other.py").write_text("one = 1\n")
    service = start(history, repository / "backend api", WORKING_TREE)
    rmtree(service / ".git")
    patch_startup(service)
    commit(repository, "All")
    (repository / "other.py").write_text("two = 2  # mine\n")
    (repository / "other.py.rej").write_text("mine\n")
    (repository / "staged.py").write_text("three = 3  # mine\n")
    run(repository, "git", "add", "staged.py")
    status, _ = update(service, NEXT)
    assert status == 1
    assert run(repository, "git", "diff", "--name-only", "--diff-filter=U") == f"backend api/{STARTUP}\n"
    assert "next: bool = True" in (package(service) / "settings.py").read_text()
    assert (repository / "other.py").read_text() == "two = 2  # mine\n"
    assert (repository / "other.py.rej").read_text() == "mine\n"
    run(service, "git", "restore", "--source=HEAD", "--staged", "--worktree", ".")
    status_lines = run(repository, "git", "status", "--short").splitlines()
    assert status_lines == [" M other.py", "A  staged.py", "?? other.py.rej"]


def test_what_is_linked_is_left_alone(service: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("scripts", "Makefile"):  # a folder, and a file that the release changes
        (service / name).rename(outside / name)
        (service / name).symlink_to(outside / name)
    commit(service, "Linked")
    before = tree(outside)
    update(service, NEXT)
    assert tree(outside) == before
    assert (service / "scripts").is_symlink()
    assert (service / "Makefile").is_symlink()


# A person's settings


@pytest.mark.parametrize("autocrlf", ["false", "input", "true"])
def test_git_settings_are_ignored(history: Path, tmp_path: Path, autocrlf: str) -> None:
    trees = []
    for name in ("plain", "hostile"):
        (tmp_path / name).mkdir()
        service = start(history, tmp_path / name / "service", WORKING_TREE)
        patch_startup(service)
        commit(service, "Patched")
        environment = {}
        if name == "hostile":
            environment = hostile_environment(tmp_path / name)
            append(tmp_path / name / ".gitconfig", f"[core]\n    autocrlf = {autocrlf}\n    eol = crlf\n")
            if autocrlf == "true":  # Copier renders anew, with none of them, too
                environment["TESTKIT_ANEW"] = ""
        status, output = update(service, NEXT, **environment)
        assert status == 1, output
        assert conflicts(service) == {STARTUP}
        trees.append((work_tree(service), run(service, "git", "ls-files", "--stage")))
    assert trees[0] == trees[1]


# Formats


@pytest.mark.parametrize("version", ["1.0.0", WORKING_TREE])
def test_a_reformatted_service_stays_in_its_format(history: Path, tmp_path: Path, version: str) -> None:
    service = edited(history, tmp_path / "service", version, ("add_router", "reformat"))
    mine = lines_of_mine(service)
    _, output = update(service, NEXT, PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    assert conflicts(service) == set(), output
    assert lost(mine, service) == Counter()
    run(service, "ruff", "format", "--check", "--no-cache")


def test_black_instead_of_ruff(history: Path, tmp_path: Path) -> None:
    """A stand-in for black: what matters is that it is found, fed and believed."""
    service = start(history, tmp_path / "service", "1.1.0")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "black").write_text(
        "#!/bin/sh\n"
        'while [ "$1" != --stdin-filename ]; do shift; done\n'
        f'exec {BIN / "ruff"} format --isolated --no-cache --line-length 79 --stdin-filename "$2" -\n'
    )
    (tools / "black").chmod(0o755)
    for file in service.rglob("*.py"):
        run(service, "ruff", "format", "--isolated", "--quiet", "--no-cache", "--line-length", "79", str(file))
    append(package(service) / "settings.py", '    greeting: str = "hello"  # mine\n')
    commit(service, "Black")
    _, output = update(service, NEXT, PATH=f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert conflicts(service) == set(), output
    run(service, "ruff", "format", "--isolated", "--check", "--no-cache", "--line-length", "79")


@pytest.mark.parametrize("tools", ["", f"{BIN}{os.pathsep}"], ids=["without a formatter", "with ruff"])
def test_files_that_no_formatter_made_are_merged_as_they_are(service: Path, tools: str) -> None:
    append(package(service) / "settings.py", "    greeting: str  =  'hello'  # mine\n")
    commit(service, "Unformatted")
    status, output = update(service, NEXT, PATH=f"{tools}/usr/bin{os.pathsep}/bin")
    assert (status, conflicts(service)) == (0, set()), output
    assert "    greeting: str  =  'hello'  # mine\n" in (package(service) / "settings.py").read_text()


def test_crlf_is_kept_and_no_conflict(service: Path) -> None:
    files = [package(service) / "settings.py", service / "compose.yaml", service / STARTUP]
    append(files[0], '    greeting: str = "hello"  # mine\n')
    patch_startup(service)
    for file in files:
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    commit(service, "CRLF")
    update(service, NEXT)
    assert conflicts(service) == {STARTUP}
    for file in files:
        assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")
    assert b"RETRY_DELAY = 0.5  # mine\r\n=======\r\n" in files[2].read_bytes()
    assert b"next: bool = True\r\n" in files[0].read_bytes()


# Interruptions


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_update_that_is_interrupted_while_it_writes_is_undone(service: Path, name: str) -> None:
    before, index = work_tree(service), run(service, "git", "ls-files", "--stage")
    status, output = update(service, NEXT, TESTKIT_SIGNAL=f"{name} 3")
    assert status == 128 + signal.Signals[name], output
    assert work_tree(service) == before
    assert run(service, "git", "ls-files", "--stage") == index
    assert update(service, NEXT)[0] == 0


@pytest.mark.parametrize("files", [0, 3])
def test_an_update_that_was_killed_is_undone_by_the_next(major: Path, tmp_path: Path, files: int) -> None:
    service = start(major, tmp_path / "service", NEXT)
    append(package(service) / "health.py", "\n# This is mine.\n")
    commit(service, "Mine")
    before = work_tree(service)
    status, _ = update(service, MAJOR, TESTKIT_SIGNAL=f"SIGKILL {files}")
    assert status == -signal.SIGKILL
    assert (work_tree(service) == before) == (files == 0)
    _, output = update(service, MAJOR)
    assert "An update was interrupted. Its changes were undone." in output
    assert (package(service) / "probes" / "health.py").read_text().endswith("# This is mine.\n")
    run(service, "git", "restore", "--source=HEAD", "--staged", "--worktree", ".")
    assert work_tree(service) == before


def test_edits_after_an_update_was_killed_are_not_undone(service: Path) -> None:
    update(service, NEXT, TESTKIT_SIGNAL="SIGKILL 5")
    append(service / "Makefile", "# mine\n")
    assert "you have changed these files since then: Makefile\n" in refused(service)
    run(service, "git", "checkout", "HEAD", "--", "Makefile")
    assert update(service, NEXT)[0] == 0


def test_a_disk_that_is_full_leaves_everything_as_it_was(service: Path) -> None:
    assert "No space left on device" in refused(service, TESTKIT_SIGNAL="ENOSPC 5")


def test_two_updates_at_once(service: Path) -> None:
    with (service / ".git" / "template-update.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another update of this project is running" in refused(service)


# Asking only


def test_a_preview_changes_nothing(service: Path) -> None:
    patch_startup(service)
    commit(service, "Patched")
    before = tree(service)
    status, output = update(service, NEXT, "preview")
    assert status == 0
    assert f"\nC {STARTUP}\n" in output
    assert "\nM pyproject.toml\n" in output
    assert {path for path, content in tree(service).items() if before.get(path) != content} == set()


def test_what_everybody_edits_survives(history: Path, tmp_path: Path) -> None:
    service = edited(history, tmp_path / "service", WORKING_TREE, tuple(ALL))
    mine = lines_of_mine(service)
    update(service, NEXT)
    assert lost(mine, service) == Counter()
