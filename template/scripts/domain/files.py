"""The files of an entity: new ones, and lines in files that exist."""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mako.template import Template

from . import service
from .entity import IMPORTED, TEMPLATES, Entity, camel
from .kinds import Refused

IMPORTS = "# Your imports:\n# isort: split\n"
ROUTERS = "    # Your routers:\n"
SCOPES = "SCOPES: tuple[str, ...] = (\n    # Yours:\n"


def write_files(entity: Entity) -> dict[Path, str]:
    """The content of every file that is new or that changes. Raises Refused if one cannot be changed."""
    own = entity.own
    package, tests = service.PACKAGE / own.domain, Path("tests", own.domain)
    files = {folder / "__init__.py": "" for folder in (package, tests) if not folder.exists()}
    names = {package / f"{name}.py": name for name in ("models", "schemas", "repository", "router")}
    names |= {tests / "factories.py": "factories", tests / f"test_{own.plural}.py": "test"}
    for path, name in names.items():
        files[path] = add_to(path, render(name, entity))
    if package / "__init__.py" in files:
        main = service.PACKAGE / "main.py"
        files[main] = below(main, IMPORTS, f"from .{own.domain} import router as {own.domain}\n")
        files[main] = below(main, ROUTERS, f"    app.include_router({own.domain}.router)\n", files[main])
    if service.AUTH:
        conftest = Path("tests/conftest.py")
        files[conftest] = below(conftest, SCOPES, f'    "{own.plural}:read",\n    "{own.plural}:write",\n')
    return files


def render(name: str, entity: Entity) -> str:
    own = entity.own
    template = Template(filename=str(TEMPLATES / f"{name}.py.mako"), strict_undefined=True)
    return str(
        template.render(
            entity=entity,
            package=service.NAME,
            domain=own.domain,
            plural=own.plural,
            Plural=camel(own.plural),
            singular=own.singular,
            Model=own.model,
            owned=own.owned,
            auth=service.AUTH,
            numbered=service.key_type() is int,
            camel=camel,
            label=lambda text: text.replace("_", " "),
        )
    )


def below(path: Path, marker: str, lines: str, text: str = "") -> str:
    """Raises Refused, with the lines, if the marker is gone."""
    text = text or path.read_text()
    if text.count(marker) != 1:
        marker, lines = (" / ".join(part.strip() for part in each.splitlines()) for each in (marker, lines))
        raise Refused(f"{path} has no marker `{marker}`: put it back, above the place for `{lines}`.")
    return text.replace(marker, marker + lines)


def add_to(path: Path, new: str) -> str:
    """Put the new imports before those of the file, and the rest at its end. The linter sorts and merges them."""
    if not path.exists():
        return new
    old, lines = path.read_text(), new.splitlines(keepends=True)
    clash = defined(old) & (IMPORTED | defined(new))
    if clash - {"router", "numbers"}:
        raise Refused(f"{path} already defines {min(clash)}, which the generated code needs: rename it.")
    imports = [node for node in ast.parse(new).body if isinstance(node, ast.Import | ast.ImportFrom)]
    first = next((node.lineno for node in ast.parse(old).body if isinstance(node, ast.Import | ast.ImportFrom)), 1) - 1
    rest = "".join(lines[imports[-1].end_lineno :])
    for shared in ("router = APIRouter()\n", "numbers = count(1)\n"):
        rest = rest.replace(shared, "")
    head, tail = old.splitlines(keepends=True)[:first], old.splitlines(keepends=True)[first:]
    added = [f"{ast.unparse(node)}\n" for node in imports]
    return "".join([*head, *added, *tail, "\n\n", rest])


def defined(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def tidy(paths: list[Path]) -> None:
    """Remove what the templates import and this entity does not need, sort the imports and format."""
    files = [str(path) for path in paths]
    run_tool("ruff", "check", "--fix", "--select", "F401,I", "--quiet", *files)
    run_tool("ruff", "format", "--quiet", *files)


def run_tool(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Raises Refused, with the last line of the output."""
    process = subprocess.run(
        [sys.executable, "-m", name, *arguments],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if process.returncode:
        raise Refused(f"`{name} {arguments[0]}` failed: {process.stdout.strip().rpartition(chr(10))[2]}")
