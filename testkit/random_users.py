"""Updates of random users: python -m testkit.random_users --from 0 --count 1000

A seed is a user: a release, answers, edits, settings of git, a formatter, line endings, files that git does not track,
and the moment of an interruption. Finished seeds are kept in .cache/random_users.jsonl, and run again only when the
template or the updater has changed.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier

from .edits.hostile import hostile_environment
from .projects import BIN, ROOT, clean_environment, commit, copy_working_tree, run
from .releases import MAJOR, NEXT, WORKING_TREE, add_major, build_history

LOG = ROOT / ".cache" / "random_users.jsonl"
STEPS = [
    (old, new)
    for old in ("1.0.0", "1.1.0", WORKING_TREE, NEXT)
    for new in (WORKING_TREE, NEXT, MAJOR)
    if old != new and not (old == NEXT and new == WORKING_TREE)
]
ANSWERS: list[dict[str, Any]] = [
    {},
    {"package_name": "shop", "docker": False, "ci": "gitlab", "soft_delete": True},
    {"scope": "database", "package_dir": "app"},
]
WIDTHS = {"template's": 120, "narrow": 79, "wide": 100}
# What tools write.
CACHES = (".venv/", ".data/", ".ruff_cache/", "__pycache__/")

Files = dict[str, bytes]


@cache
def template() -> Path:
    """The releases of the working tree, with a major one; built once for each state of it."""
    folder = ROOT / ".cache" / "random_users" / state()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as building:
            history = Path(building, "history")
            history.mkdir()
            build_history(history)
            add_major(history)
            with suppress(OSError):  # where another worker of the tests was faster
                history.rename(folder)
    return folder


@cache
def state() -> str:
    """The tree of what Copier and the updater read."""
    with TemporaryDirectory() as folder:
        copy_working_tree(Path(folder))
        commit(Path(folder), "The working tree")
        return run(Path(folder), "git", "rev-parse", "HEAD^{tree}").strip()[:16]


@cache
def rendered(version: str, number: int) -> Files:
    with TemporaryDirectory() as folder:
        copier.run_copy(str(template()), folder, vcs_ref=version, data=ANSWERS[number], defaults=True, quiet=True)
        return read(Path(folder))


@cache
def formatted(version: str, number: int, widths: tuple[int, ...]) -> Files:
    """What was rendered, in the formats of the user, one after the other: a narrow one leaves commas behind."""
    with TemporaryDirectory() as folder:
        write(Path(folder), rendered(version, number))
        for width in widths:
            reformat(Path(folder), width)
        return read(Path(folder))


def reformat(folder: Path, width: int) -> None:
    command = ("ruff", "format", "--quiet", "--no-cache", "--isolated", f"--line-length={width}", ".")
    subprocess.run([BIN / command[0], *command[1:]], cwd=folder, check=False)


def read(folder: Path) -> Files:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = {path.relative_to(folder).as_posix(): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not name.startswith(".git/") and not any(part in f"{name}/" for part in CACHES)
    }


def write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@dataclass
class User:
    seed: int
    random: random.Random
    folder: Path
    version: str
    target: str
    answers: int
    widths: tuple[int, ...] = (120,)
    environment: dict[str, str] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    unknown: Files = field(default_factory=dict)
    """Files that git does not track."""

    def mine(self) -> str:
        return f"mine {self.seed}.{self.random.randrange(10**6)}"

    def some(self, *endings: str) -> Path:
        """A file of the template's, if any is left."""
        names = [name for name in rendered(self.version, self.answers) if name.endswith(endings or ("",))]
        left = [name for name in names if (self.folder / name).is_file() and not name.startswith(".copier")]
        return self.folder / self.random.choice(left)


def insert(user: User) -> None:
    file = user.some()
    lines = file.read_bytes().splitlines(keepends=True)
    at = user.random.randrange(len(lines) + 1)
    if not at or lines[at - 1].endswith(b"\n"):
        lines.insert(at, f"# {user.mine()}\n".encode())
        file.write_bytes(b"".join(lines))


def change(user: User) -> None:
    file = user.some()
    lines = file.read_bytes().splitlines(keepends=True)
    for at in user.random.sample(range(len(lines)), min(len(lines), user.random.randrange(1, 4))):
        lines[at] = lines[at].rstrip() + f"  # {user.mine()}\n".encode()
    file.write_bytes(b"".join(lines))


def cut(user: User) -> None:
    file = user.some()
    lines = file.read_bytes().splitlines(keepends=True)
    at = user.random.randrange(len(lines) + 1)
    file.write_bytes(b"".join(lines[:at] + lines[at + user.random.randrange(1, 9) :]))


def rewrite(user: User) -> None:
    user.some().write_text(f"# {user.mine()}\n# {user.mine()}\n")


def delete(user: User) -> None:
    user.some().unlink()


def move(user: User) -> None:
    file = user.some(".py")
    (user.folder / "moved").mkdir(exist_ok=True)
    file.rename(user.folder / "moved" / file.name)


def link(user: User) -> None:
    file = user.some()
    target = user.folder.parent / f"outside-{file.name}"
    file.rename(target)
    file.symlink_to(target)


def add(user: User) -> None:
    """A file of the user's own, perhaps at the place of a file to come."""
    new = sorted(rendered(user.target, user.answers).keys() - rendered(user.version, user.answers).keys())
    name = user.random.choice([*new, "own/file.py", "own notes.md", 'quo"te ü.txt'])
    if not (user.folder / name).exists():
        write(user.folder, {name: f"# {user.mine()}\n".encode()})


def bump(user: User) -> None:
    """A bot raises versions."""
    for name in ("pyproject.toml", ".github/workflows/ci.yml", ".pre-commit-config.yaml", "Dockerfile"):
        if (file := user.folder / name).is_file():
            file.write_bytes(
                re.sub(
                    rb"(>=|@v|rev: v|FROM [\w./-]+:)(\d+)\.?(\d*)",
                    lambda match: b"%s%s.%d" % (match[1], match[2], int(match[3] or 0) + user.random.randrange(3)),
                    file.read_bytes(),
                )
            )


def answer(user: User) -> None:
    """A key of the user's own in the answers file."""
    file = user.folder / ".copier-answers.yml"
    file.write_text(file.read_text() + f"ours: 1 # {user.mine()}\n")


def crlf(user: User) -> None:
    for file in {user.some() for _ in range(user.random.randrange(1, 20))}:
        file.write_bytes(re.sub(rb"\r?\n", b"\r\n", file.read_bytes()))


def other_format(user: User) -> None:
    width = user.random.choice([79, 100])
    if (pyproject := user.folder / "pyproject.toml").is_file():
        pyproject.write_text(re.sub(r"(?m)^line-length = \d+", f"line-length = {width}", pyproject.read_text()))
    else:
        (user.folder / "ruff.toml").write_text(f"line-length = {width}\n")
    user.widths += (width,)
    subprocess.run([str(BIN / "ruff"), "format", "--quiet", "--no-cache", "."], cwd=user.folder, check=False)


def untracked(user: User) -> None:
    new = sorted(rendered(user.target, user.answers).keys() - rendered(user.version, user.answers).keys())
    names = [
        "uv.lock",
        "notes/todo.txt",
        ".env",
        *([user.random.choice(new)] if new and not user.random.randrange(3) else []),
    ]
    user.unknown |= {name: f"# {user.mine()}\n".encode() for name in names if not (user.folder / name).exists()}


def settings(user: User) -> None:
    folder = user.folder.parent / "settings"
    folder.mkdir(exist_ok=True)
    user.environment |= hostile_environment(folder)


EDITS: list[tuple[int, Callable[[User], None]]] = [
    (12, insert),
    (10, change),
    (4, cut),
    (2, rewrite),
    (4, delete),
    (2, move),
    (1, link),
    (3, add),
    (3, bump),
    (1, answer),
    (2, crlf),
    (2, other_format),
    (2, untracked),
    (2, settings),
]


def lines(files: Files) -> set[str]:
    """What is written, without spaces and the line endings."""
    texts = (content.decode(errors="surrogateescape") for content in files.values())
    return {line for text in texts for line in map(str.strip, text.splitlines()) if len(line) > 2}


def squashed(text: str) -> str:
    """Without what a formatter changes when it breaks lines."""
    return re.sub(r"[\s,()]", "", text)


def lost(user: User, before: Files, after: Files, output: str) -> list[str]:
    """The lines that only the user wrote, and that are neither in a file nor in the output."""
    written = lines(before) - lines(rendered(user.version, user.answers))
    written -= lines(formatted(user.version, user.answers, user.widths))
    missing = written - lines(after)
    if not missing:
        return []
    everything = squashed(b"\n".join(after.values()).decode(errors="surrogateescape") + output)
    return sorted(line for line in missing if squashed(line) not in everything)


def violations(user: User, before: Files, outside: Files, status: int, output: str) -> list[str]:
    """What the update has broken of what is promised: the invariant."""
    after = read(user.folder)
    found = [f"lost: {line}" for line in lost(user, before, after, output)]
    found += [
        f"changed, and not in git: {name}" for name, content in user.unknown.items() if after.get(name) != content
    ]
    if {**read(user.folder.parent), **after} and neighbours(user) != outside:
        found.append("changed outside of the project")
    if "Traceback" in output or status not in (0, 1):
        found.append(f"status {status}")
    if any(name.endswith((".rej", ".orig", ".update")) for name in after.keys() - before.keys()):
        found.append("left a file behind")
    unmerged = run(user.folder, "git", "ls-files", "--unmerged")
    marked = [name for name, content in after.items() if b"\n<<<<<<< before updating" in b"\n" + content]
    left = [name for name in after if name.endswith((".conflict", ".before-update"))]
    act = bool(unmerged or marked or left or re.search(r":\d+: .* is now ", output))
    if status != (act or "Nothing was changed." in output):
        found.append(f"status {status}, and a person must{'' if act else ' not'} act")
    if "Nothing was changed." in output and after != before | user.unknown:
        found.append("refused, and changed something")
    for name in ("pyproject.toml", "Makefile", "scripts/update.py"):
        if name in marked:
            found.append(f"markers in {name}")
    if parses(before) and not parses(after):
        found.append("pyproject.toml cannot be parsed")
    return found


def parses(files: Files) -> bool:
    try:
        tomllib.loads(files.get("pyproject.toml", b"").decode())
    except ValueError:
        return False
    return True


def neighbours(user: User) -> Files:
    prefix = f"{user.folder.name}/"
    return {name: content for name, content in read(user.folder.parent).items() if not name.startswith(prefix)}


def update(user: User, **environment: str) -> tuple[int, str]:
    arguments = ["--no-tests", "--to", user.target]
    process = subprocess.run(
        [sys.executable, "-m", "testkit.updater", str(template()), *arguments],
        cwd=user.folder,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)} | user.environment | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return process.returncode, process.stdout.decode(errors="replace")


def play(seed: int) -> dict[str, Any]:
    """Let a user edit and update. What they did, and what was broken."""
    chance = random.Random(seed)  # noqa: S311
    version, target = chance.choice(STEPS)
    answers = chance.randrange(1 if version == "1.0.0" else len(ANSWERS))
    with TemporaryDirectory(prefix="user-") as parent:
        folder = Path(parent, chance.choice(["service", "back end"]))
        user = User(seed, chance, folder, version, target, answers)
        write(folder, rendered(version, answers))
        top = folder if chance.randrange(3) else folder.parent  # or a folder of a larger repository
        write(folder.parent, {"other.py": b"one = 1\n"})
        commit(top, "Rendered")
        weights, edits = zip(*EDITS, strict=True)
        for edit in chance.choices(edits, weights, k=chance.randrange(12)):
            edit(user)
            user.did.append(edit.__name__)
        commit(top, "Edited")
        write(folder, user.unknown)
        write(folder.parent, {"other.py": b"two = 2\n", "other.py.rej": b"rejected\n"})
        before = {name: content for name, content in read(folder).items() if name not in user.unknown}
        outside, head = neighbours(user), run(top, "git", "rev-parse", "HEAD")
        found = []
        moment = chance.choice(["", "", "", "SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", "SIGKILL", "ENOSPC"])
        if moment:
            status, output = update(user, TESTKIT_SIGNAL=f"{moment} {chance.randrange(40)}")
            if status not in (0, 1) and moment != "SIGKILL" and read(folder) != before | user.unknown:
                found.append(f"changed by an update that {moment} ended")
            if status in (0, 1) and "Nothing was changed." not in output:
                run(folder, "git", "restore", "--source=HEAD", "--staged", "--worktree", ".")
                if read(folder) != before | user.unknown:
                    found.append("not as before after going back")
        began = time.perf_counter()
        status, output = update(user)
        found += violations(user, before, outside, status, output)
        if run(top, "git", "rev-parse", "HEAD") != head:
            found.append("HEAD moved")
        conflicts = output.partition("same lines in: ")[2].partition("\n")[0].split()
        return {
            "seed": seed,
            "step": [version, target],
            "answers": answers,
            "did": user.did,
            "moment": moment,
            "status": status,
            "refused": "Nothing was changed." in output,
            "conflicts": len(conflicts),
            "seconds": round(time.perf_counter() - began, 2),
            "violations": found,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    os.chdir(ROOT)
    LOG.parent.mkdir(exist_ok=True)
    kept = [json.loads(line) for line in LOG.read_text().splitlines()] if LOG.exists() else []
    done = {run["seed"]: run for run in kept if run["state"] == state()}
    for seed in range(options.first, options.first + options.count):
        if seed not in done:
            done[seed] = play(seed) | {"state": state()}
            with LOG.open("a") as log:
                log.write(json.dumps(done[seed]) + "\n")
            if done[seed]["violations"]:
                print(json.dumps(done[seed]), flush=True)
    runs = [run for seed, run in done.items() if options.first <= seed < options.first + options.count]
    broken = [run["seed"] for run in runs if run["violations"]]
    print(
        f"{len(runs)} users, {sum(run['refused'] for run in runs)} refused, "
        f"{sum(bool(run['conflicts']) for run in runs)} with conflicts, "
        f"{sum(bool(run['moment']) for run in runs)} interrupted; violations: {broken or 'none'}"
    )
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
