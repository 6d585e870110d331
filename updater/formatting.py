"""The formatters of a project. An update formats a file only with the one that it was formatted with before."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .process import clean

# Ruff and black, with the project's settings for a path.
OPTIONS = {
    "ruff": ("format", "--quiet", "--no-cache", "--force-exclude", "--stdin-filename"),
    "black": ("--quiet", "--stdin-filename"),
}


@dataclass(frozen=True)
class Formatter:
    command: tuple[str, ...]
    folder: Path

    def format(self, path: str, content: bytes) -> bytes | None:
        """The content in the project's format; None where the formatter cannot read it."""
        try:
            command = [*self.command, path, "-"]
            process = subprocess.run(command, cwd=self.folder, env=clean(), input=content, capture_output=True)
        except OSError:
            return None
        return None if process.returncode else process.stdout.replace(b"\r\n", b"\n")


class Formatters:
    """Those that the project or the machine has."""

    def __init__(self, folder: Path) -> None:
        places = os.pathsep.join([str(folder / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])
        programs = {name: shutil.which(name, path=places) for name in OPTIONS}
        self.all = [Formatter((program, *OPTIONS[name]), folder) for name, program in programs.items() if program]

    def of(self, path: str, content: bytes) -> Formatter | None:
        """The first that leaves the content as it is, but for its line endings."""
        if not path.endswith((".py", ".pyi")):
            return None
        content = content.replace(b"\r\n", b"\n")
        return next((formatter for formatter in self.all if formatter.format(path, content) == content), None)
