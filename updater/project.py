"""The user's project: what is in it, and how a change to it is written as a whole or not at all."""

import base64
import fcntl
import json
import os
import signal
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .process import RefusedError, inside, output

IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}
GO_BACK = "git restore --source=HEAD --staged --worktree ."
NOTHING = f"0 {'0' * 40} 0"


@dataclass(frozen=True)
class File:
    content: bytes
    executable: bool = False


Tree = dict[str, File]


@dataclass
class Change:
    """What happens to one path. Without `before` the file is new, without `after` it goes away."""

    path: str
    before: File | None
    after: File | None
    sides: tuple[bytes | None, bytes, bytes] | None = None
    """Base, yours and theirs of a conflict: git's index keeps them as stages 1, 2 and 3.

    But not for a new path, since git cannot restore one that is unmerged and that HEAD does not have.
    """
    source: str | None = None
    """Where the file was before the release moved it."""


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            top = self.git("rev-parse", "--show-toplevel")
            self.git("rev-parse", "--verify", "HEAD")
        except RefusedError as error:
            raise RefusedError(f"An update needs a git repository with a commit. {error}") from None
        self.prefix = folder.resolve().relative_to(Path(top.decode().rstrip("\n")).resolve()).as_posix()
        self.git_folder = folder / os.fsdecode(self.git("rev-parse", "--git-dir").rstrip(b"\n"))
        self.journal = self.git_folder / "template-update.json"

    def git(self, *arguments: str, text: bytes | None = None) -> bytes:
        return output("git", *arguments, cwd=self.folder, env=inside(), text=text)

    @cached_property
    def index(self) -> dict[str, tuple[str, str]]:
        """The mode and the blob of each file below this folder that git tracks."""
        found: dict[str, tuple[str, str]] = {}
        for line in self.git("ls-files", "-z", "--stage").split(b"\0"):
            if line:
                entry, _, path = line.partition(b"\t")
                mode, blob, _ = entry.decode().split()
                found[os.fsdecode(path)] = (mode, blob)
        return found

    def file(self, path: str) -> File | None:
        """A file that git tracks and that is there, as a file in folders: what a person linked is left alone."""
        if path not in self.index or self.linked(path):
            return None
        return self.read(path)

    def linked(self, path: str) -> bool:
        return any((self.folder / part).is_symlink() for part in (Path(path), *Path(path).parents))

    def read(self, path: str) -> File | None:
        target = self.folder / path
        if not target.is_file():
            return None
        return File(target.read_bytes(), bool(target.stat().st_mode & stat.S_IXUSR))

    def occupied(self, path: str) -> str | None:
        """What stands at the path of a new file, or in place of one of its folders, and is not in git."""
        for part in (path, *(parent.as_posix() for parent in Path(path).parents if parent != Path())):
            target = self.folder / part
            if os.path.lexists(target) and (target.is_symlink() or part == path or not target.is_dir()):
                return part
        return None

    def check_finished(self) -> None:
        """Raise RefusedError while a merge is unfinished, a person's own or that of the last update."""
        for name, what in IN_PROGRESS.items():
            if (self.git_folder / name).exists():
                raise RefusedError(f"A {what} is in progress. Finish it first, then update.")
        unmerged = self.git("diff", "--name-only", "-z", "--diff-filter=U", "--relative").split(b"\0")
        if files := " ".join(os.fsdecode(path) for path in unmerged if path):
            raise RefusedError(
                f"These files have conflicts: {files}\n"
                "Resolve what is between <<<<<<< and >>>>>>>, run `git add` for each file, commit, and update again. "
                f"Or go back to the last commit: {GO_BACK}"
            )

    def check_committed(self) -> None:
        """Raise RefusedError while files that git tracks have changes: nobody could tell them from the update's."""
        options = ("-z", "--no-branch", "--no-renames", "--untracked-files=no", "--ignore-submodules=all")
        if status := self.git("status", "--porcelain", *options, "."):
            listing = "\n".join(os.fsdecode(line) for line in status.split(b"\0"))
            raise RefusedError(
                f"{listing}Commit or stash these changes first, so that you can tell the update from your work."
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One update at a time. Undoes what a killed one has left."""
        with (self.git_folder / "template-update.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RefusedError("Another update of this project is running. Wait until it has finished.") from None
            yield

    def recover(self) -> bool:
        """Undo what an update that was killed has written. Whether there was one."""
        if not self.journal.exists():
            return False
        journal = json.loads(self.journal.read_text())
        edited = [
            change["path"]
            for change in journal["changes"]
            if packed(self.read(change["path"])) not in (change["before"], change["after"])
        ]
        if edited:
            raise RefusedError(
                f"An update was interrupted, and you have changed these files since then: {' '.join(edited)}\n"
                f"Copy your versions elsewhere, run `git checkout HEAD -- {' '.join(edited)}` (or delete what is not "
                "in HEAD), and update again, which undoes the rest first."
            )
        self.undo(journal)
        return True

    def write(self, changes: list[Change]) -> None:
        """Write all changes, or none. A journal in the git folder tells the next run of one that was killed."""
        folders = {parent.as_posix() for change in changes for parent in Path(change.path).parents}
        journal = {
            "changes": [{"path": c.path, "before": packed(c.before), "after": packed(c.after)} for c in changes],
            "folders": sorted(folder for folder in folders if not (self.folder / folder).exists()),
            "index": [f"{NOTHING}\t{self.full(c.path)}" for c in changes]
            + [f"{' '.join(self.index[c.path])} 0\t{self.full(c.path)}" for c in changes if c.path in self.index],
        }
        temporary = self.journal.with_suffix(".tmp")
        with temporary.open("w") as file:
            json.dump(journal, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.journal)
        try:
            for change in changes:
                self.put(change.path, change.after)
            self.stage(changes)
        except BaseException:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self.undo(journal)
            raise
        self.journal.unlink()

    def undo(self, journal: dict[str, Any]) -> None:
        for change in journal["changes"]:
            temporary(self.folder / change["path"]).unlink(missing_ok=True)
            before = unpacked(change["before"])
            if self.read(change["path"]) != before:
                self.put(change["path"], before)
        for folder in reversed(journal["folders"]):
            with suppress(OSError):
                (self.folder / folder).rmdir()
        self.update_index(journal["index"])
        self.journal.unlink()

    def put(self, path: str, file: File | None) -> None:
        target = self.folder / path
        if file is None:
            target.unlink(missing_ok=True)
            for parent in list(target.parents)[: len(Path(path).parts) - 1]:
                with suppress(OSError):
                    parent.rmdir()  # not where something is left in it
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask()
        mode = mode | (mode & 0o444) >> 2 if file.executable else mode & ~0o111
        with temporary(target).open("wb") as stream:
            stream.write(file.content)
        temporary(target).chmod(mode)
        temporary(target).replace(target)

    def stage(self, changes: list[Change]) -> None:
        """Add new files to git's index, so that going back removes them, and the three sides of each conflict."""
        lines: list[str] = []
        for change in changes:
            if change.after and (change.sides or not change.before):
                mode = "100755" if change.after.executable else "100644"
                path = self.full(change.path)
                if not change.before:
                    content = change.sides[1] if change.sides else change.after.content
                    lines.append(f"{mode} {self.blob(change.path, content)} 0\t{path}")
                    continue
                lines.append(f"{NOTHING}\t{path}")
                for stage, side in enumerate(change.sides or (), start=1):
                    if side is not None:
                        lines.append(f"{mode} {self.blob(change.path, side)} {stage}\t{path}")
        self.update_index(lines)

    def blob(self, path: str, content: bytes) -> str:
        return self.git("hash-object", "-w", f"--path={path}", "--stdin", text=content).decode().strip()

    def full(self, path: str) -> str:
        return path if self.prefix == "." else f"{self.prefix}/{path}"

    def update_index(self, lines: Iterable[str]) -> None:
        if text := "".join(f"{line}\0" for line in lines):
            self.git("update-index", "-z", "--index-info", text=os.fsencode(text))


def temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.update")


def umask() -> int:
    os.umask(mask := os.umask(0o077))
    return mask


def packed(file: File | None) -> list[Any] | None:
    return [base64.b64encode(file.content).decode(), file.executable] if file else None


def unpacked(file: list[Any] | None) -> File | None:
    return File(base64.b64decode(file[0]), file[1]) if file else None
