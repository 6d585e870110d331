"""What the releases moved: files, and the names that users import."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from . import template
from .project import Tree

Use = tuple[int, str, str]


class Moves:
    """The moves of all releases after the current one, with PACKAGE replaced by a project's folder."""

    def __init__(self, package: str, current: str) -> None:
        self.package = package
        self.source = PurePosixPath(package).parent.as_posix()
        text = (template.ROOT / "updater" / "moves.yml").read_text()
        steps: dict[str, Any] = yaml.safe_load(text.replace("PACKAGE.", f"{PurePosixPath(package).name}."))
        self.steps = [
            step
            for release, step in steps.items()
            if not template.number(release) or template.number(release) > template.number(current)
        ]

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

    def names(self, base: Tree, new: Tree) -> dict[str, str]:
        """The modules, and names in them, that the release no longer has, and what there is in their place."""
        renamed: dict[str, str] = {}
        for step in self.steps:
            moved = step.get("names") or {}
            renamed = {old: moved.get(name, name) for old, name in renamed.items()} | moved
        after = set(self.public(new))
        found = {}
        for name in set(self.public(base)) - after:
            same = sorted((other for other in after if leaf(other) == leaf(name)), key=lambda other: other.count("."))
            found[name] = renamed.get(name) or (same[0] if same else "gone, see above")
        for path in base.keys() - new.keys():
            if path.endswith(".py") and self.module(path) not in {self.module(other) for other in new}:
                places = [self.module(place) for place in self.paths(path) or []]
                found[self.module(path)] = " and ".join(places) or "gone, see above"
        return found

    def public(self, tree: Tree) -> Iterator[str]:
        for path, file in tree.items():
            if path.endswith(".py"):
                yield from (f"{self.module(path)}.{name}" for name in public(file.content))

    def module(self, path: str) -> str:
        parts = PurePosixPath(path.removeprefix(f"{self.source}/")).with_suffix("").parts
        return ".".join(parts).removesuffix(".__init__")

    def uses(self, path: str, text: str, names: Mapping[str, str]) -> Iterator[Use]:
        """Where a module uses one of the names: the line, the old name, and the new one."""
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return
        parts = self.module(path).split(".") + ["__init__"] * path.endswith("/__init__.py")
        bound: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                above = parts[: len(parts) - node.level] if node.level else []
                module = ".".join([*above, *filter(None, [node.module])])
                for alias in node.names:
                    name = f"{module}.{alias.name}"
                    bound[alias.asname or alias.name] = name
                    if name in names or module in names:
                        yield node.lineno, name, names.get(name) or names[module]
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    bound[alias.asname or leaf(alias.name, 0)] = alias.name if alias.asname else leaf(alias.name, 0)
                    if alias.name in names:
                        yield node.lineno, alias.name, names[alias.name]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute | ast.Name) or (name := dotted(node, bound)) not in names:
                continue
            # What is only imported from elsewhere is named at its import.
            if isinstance(node, ast.Attribute) or leaf(names[name]) != leaf(name):
                yield node.lineno, name, names[name]


def leaf(name: str, part: int = -1) -> str:
    return name.split(".")[part]


def public(content: bytes) -> Iterator[str]:
    """The names that a module defines, and those that a package imports for others."""
    try:
        tree = ast.parse(content)
    except SyntaxError:  # an older release allowed package_dir=class
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.asname or alias.name for alias in node.names if node.level]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def dotted(node: ast.expr, bound: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return bound.get(node.id, "")
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, bound)}.{node.attr}"
    return ""


def mentions(text: str, words: Mapping[str, str]) -> Iterator[Use]:
    """Where a text names a module or a file that moved."""
    for count, line in enumerate(text.splitlines(), 1):
        for old, new in words.items():
            if re.search(rf"(?<![\w./]){re.escape(old)}(?![\w/])", line):
                yield count, old, new
