"""What an update does to each file, computed before anything is written."""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from .formatting import Formatter, Formatters
from .merging import Format, merge
from .moves import Moves
from .process import RefusedError
from .project import Change, File, Project, Tree

# With markers in one of these, make, uv, ruff or this updater could not run. They keep the user's side of a conflict,
# and the file with the markers stands beside them.
TOOLS = {"Makefile", "pyproject.toml", "scripts/update.py"}
MARKED = ".conflict"
LEFT = ".before-update"


@dataclass
class Plan:
    changes: list[Change] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Old content of the user's that has no place in the release any more."""
    notes: list[str] = field(default_factory=list)


class Planner:
    def __init__(self, project: Project, base: Tree, new: Tree, moves: Moves, answers_file: str) -> None:
        self.project, self.base, self.new, self.answers_file = project, base, new, answers_file
        self.plan = Plan()
        self.formatters = Formatters(project.folder)
        self.formats: set[Formatter | None] = set()
        """Those of the files that were merged."""
        self.occupied: list[str] = []
        gone = [path for path in base if path not in new]
        self.targets = {path: targets for path in gone if (targets := moves.paths(path)) is not None}
        """The new places of what the release no longer has at its old one."""
        places = Counter(target for targets in self.targets.values() for target in targets)
        self.origins = {
            targets[0]: path
            for path, targets in self.targets.items()
            if len(targets) == 1 and places[targets[0]] == 1 and targets[0] in new and targets[0] not in base
        }
        """The one file that a new file was before it moved."""

    def make(self) -> Plan:
        """Raises RefusedError where a file that git does not know stands in the way."""
        for path in sorted(self.base.keys() | self.new.keys()):
            base, new = self.base.get(path), self.new.get(path)
            if path == self.answers_file:
                self.write_answers(path)
            elif base and new:
                if base != new:
                    self.merge(path, path, base, new)
            elif new and path in self.origins:
                self.move(self.origins[path], path, new)
            elif new:
                self.add(path, new)
            elif base and path not in self.origins.values():
                self.remove(path, base)
        self.format_new()
        if self.occupied:
            raise RefusedError(
                "The release adds files at paths where you have files that git does not track. Move these first: "
                f"{' '.join(sorted(set(self.occupied)))}"
            )
        return self.plan

    def change(self, path: str, before: File | None, after: File | None, **more: Any) -> None:
        if before is None and after and (obstacle := self.project.occupied(path)):
            self.occupied.append(obstacle)
        elif before != after:
            self.plan.changes.append(Change(path, before, after, **more))

    def merge(self, source: str, path: str, base: File, new: File, yours: File | None = None) -> None:
        """Merge what the release changed into the user's file, which stays where it is deleted."""
        yours = yours or self.project.file(source)
        if yours is None:
            if self.project.read(source):
                self.plan.notes.append(f"{source} is not in git, and was left as it is.")
            return
        merged = merge(base.content, yours.content, new.content, self.format(path, yours.content))
        executable = new.executable if new.executable != base.executable else yours.executable
        self.plan.notes += [f"{path}: {mine} became {line}, which is newer." for mine, line in merged.raised]
        before = yours if source == path else None
        if source != path:
            self.change(source, yours, None)
        if merged.marked is None:
            self.change(path, before, File(merged.content, executable), source=source)
            return
        self.plan.conflicts.append(path)
        sides = (base.content or None, yours.content, new.content)
        if path in TOOLS or b"\0" in merged.marked:
            content = merged.content if works(path, merged.content) else yours.content
            # The index needs an entry also where nothing was taken from the release.
            self.plan.changes.append(Change(path, before, File(content, executable), sides))
            self.change(path + MARKED, None, File(merged.marked))
        else:
            self.change(path, before, File(merged.marked, executable), sides=sides, source=source)

    def format(self, path: str, yours: bytes) -> Format:
        """Format as the user's file is formatted, which is as it is where no formatter made that."""
        formatter = self.formatters.of(path, yours)
        if path.endswith(".py"):
            self.formats.add(formatter)
        if formatter is None:
            return lambda content: content
        # The formatter leaves the user's file as it is, and most files are as they were rendered.
        return lambda content: content if content == yours else formatter.format(path, content) or content

    def format_new(self) -> None:
        """Format new files by the formatter of all others, if that is one."""
        if len(self.formats) == 1 and (formatter := self.formats.pop()):
            for change in self.plan.changes:
                if change.before is None and change.after and change.path.endswith(".py") and not change.source:
                    content = formatter.format(change.path, change.after.content)
                    change.after = replace(change.after, content=content or change.after.content)

    def move(self, source: str, path: str, new: File) -> None:
        if self.project.file(path):
            self.remove(source, self.base[source])
            self.add(path, new)
        elif self.project.file(source):
            self.merge(source, path, self.base[source], new)
        elif not self.project.read(source):
            self.plan.notes.append(f"{path} was not written: you deleted or moved {source}, its old place.")

    def add(self, path: str, new: File) -> None:
        if yours := self.project.file(path):
            self.merge(path, path, File(b"", new.executable), new, yours)
        else:
            self.change(path, None, new)

    def remove(self, path: str, base: File) -> None:
        yours = self.project.file(path)
        if yours is None:
            return
        self.change(path, yours, None)
        format = self.format(path, yours.content)
        if yours.content.replace(b"\r\n", b"\n") not in (base.content, format(base.content)):
            self.change(path + LEFT, None, yours)
            self.plan.left.append(path + LEFT)
            places = ", ".join(place for place in self.targets.get(path, []) if place in self.new)
            went = f"was split into {places}" if places else "is gone from the template"
            self.plan.notes.append(f"{path} {went}; your version of it is {path + LEFT}.")

    def write_answers(self, path: str) -> None:
        """Set what the release records, and keep all else that is in the file: keys of the user's, comments."""
        yours = self.project.read(path)
        assert yours
        text = yours.content.decode()
        answers = [yaml.safe_load(tree[path].content) for tree in (self.base, self.new)]
        for name in {**answers[0], **answers[1]}:
            if name == "_src_path" or answers[0].get(name) == answers[1].get(name):
                continue
            line = yaml.safe_dump({name: answers[1][name]}, allow_unicode=True) if name in answers[1] else ""
            pattern = re.compile(rf"^{re.escape(name)}:.*\n?(?:[ \t]+.*\n?|-.*\n?)*", re.MULTILINE)
            if pattern.search(text):
                text = pattern.sub(lambda _, line=line: line, text, count=1)  # type: ignore[misc]
            elif line:
                text = text.rstrip("\n") + f"\n{line}"
        self.change(path, yours, File(text.encode(), yours.executable))


def works(path: str, content: bytes) -> bool:
    """Whether a file's tool can read it. There is no way to ask make without running it."""
    try:
        if path.endswith(".toml"):
            tomllib.loads(content.decode())
        elif path.endswith(".py"):
            compile(content, path, "exec")
    except (SyntaxError, ValueError):
        return False
    return True
