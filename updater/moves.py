"""What the releases moved: files, and names that users import."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from . import template


class Moves:
    """The moves of all releases after the current one, with PACKAGE replaced by a project's folder."""

    def __init__(self, package: str, current: str) -> None:
        steps: dict[str, Any] = yaml.safe_load((template.ROOT / "updater" / "moves.yml").read_text())
        self.steps = [
            step
            for release, step in steps.items()
            if not template.number(release) or template.number(release) > template.number(current)
        ]
        self.package = package

    def paths(self, path: str) -> list[str] | None:
        """The new places of a file. None if it has not moved, and an empty list if it was dropped."""
        found: list[str] | None = None
        for step in self.steps:
            moved = {self.place(old): new for old, new in (step.get("paths") or {}).items()}
            before = [path] if found is None else found
            if any(place in moved for place in before):
                found = [self.place(new) for place in before for new in moved.get(place, [place])]
        return found

    def place(self, path: str) -> str:
        return path.replace("PACKAGE", self.package)

    def names(self) -> dict[str, str]:
        """The names that users import, with their modules, and what they are called now."""
        found: dict[str, str] = {}
        package = PurePosixPath(self.package).name
        for step in self.steps:
            moved = {
                old.replace("PACKAGE", package): new.replace("PACKAGE", package)
                for old, new in (step.get("names") or {}).items()
            }
            found = {old: moved.get(new, new) for old, new in found.items()} | moved
        return found


def uses(path: str, text: str, names: Mapping[str, str], source: str) -> Iterator[tuple[int, str, str]]:
    """Where a module uses one of the names: the line, the old name and the new one.

    `source` is the folder from which modules are imported. Nothing is found in a file that is no Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    parts = PurePosixPath(path).with_suffix("").parts
    if source != "." and parts[: len(PurePosixPath(source).parts)] == PurePosixPath(source).parts:
        parts = parts[len(PurePosixPath(source).parts) :]
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = [*parts[: len(parts) - node.level], *filter(None, [node.module])] if node.level else [node.module]
            for alias in node.names:
                name = ".".join([*map(str, module), alias.name])
                bound[alias.asname or alias.name] = name
                if name in names:
                    yield node.lineno, name, names[name]
        elif isinstance(node, ast.Import):
            bound |= {alias.asname: alias.name for alias in node.names if alias.asname}
            bound |= {alias.name.split(".")[0]: alias.name.split(".")[0] for alias in node.names if not alias.asname}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name) or (name := dotted(node, bound)) not in names:
            continue
        # What is only imported from elsewhere is named at its import.
        if isinstance(node, ast.Attribute) or names[name].rpartition(".")[2] != name.rpartition(".")[2]:
            yield node.lineno, name, names[name]


def dotted(node: ast.expr, bound: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return bound.get(node.id, "")
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, bound)}.{node.attr}"
    return ""


def mentions(text: str, words: Mapping[str, str]) -> Iterator[tuple[int, str, str]]:
    """Where a text names a module or a file that moved."""
    for count, line in enumerate(text.splitlines(), 1):
        for old, new in words.items():
            if re.search(rf"(?<![\w./]){re.escape(old)}(?![\w/])", line):
                yield count, old, new
