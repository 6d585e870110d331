"""The updater of the working tree, for a template with many releases. What Copier renders is kept for the next run:

python -m testkit.updater TEMPLATE [update | preview | outdated] ...
"""

import errno
import hashlib
import io
import os
import pickle
import signal
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from updater import command, template
from updater.process import isolated
from updater.project import File, Project

ROOT = Path(sys.argv.pop(1))
# What Copier reads of a template.
READ = ("copier.yml", "includes", "template")
CACHE = Path(__file__).parents[1] / ".cache" / "rendered"


def render(current: str, target: str, answers: Mapping[str, Any], answers_file: str, data: Mapping[str, Any]) -> Any:
    """Copier needs seconds for what most tests render alike, whatever the template's folder is called."""
    trees = [template.git("ls-tree", revision, *READ) for revision in (current, target)]
    asked = {name: answer for name, answer in answers.items() if name != "_src_path"}
    key = (Path(template.__file__).read_text(), current, target, *trees, asked, answers_file, data)
    kept = CACHE / hashlib.sha256(repr(key).encode()).hexdigest()
    if not kept.exists() or "TESTKIT_ANEW" in os.environ:
        rendered = render_anew(current, target, answers, answers_file, data)
        CACHE.mkdir(parents=True, exist_ok=True)
        temporary = CACHE / f"{kept.name}.{os.getpid()}"
        temporary.write_bytes(pickle.dumps(rendered))
        temporary.replace(kept)
    return pickle.loads(kept.read_bytes())  # noqa: S301


def copier(*arguments: str) -> str:
    """Run Copier in this process, which saves two starts of it. If it fails, run it as the updater does."""
    environment, alone = dict(os.environ), isolated()
    os.environ.clear()
    os.environ |= alone | {"NO_COLOR": "1"}
    try:
        # Imported here, because Copier keeps the environment that it finds for the git that it runs.
        from copier._cli import CopierApp

        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
            _, status = CopierApp.run(["copier", *arguments], exit=False)
    except Exception:
        status = 1
    finally:
        os.environ.clear()
        os.environ |= environment
    return said.getvalue() if not status else copier_anew(*arguments)


def interrupt(what: str, after: int) -> None:
    """Send this process a signal, or fail for want of space, once it has written that many files."""
    put = Project.put
    left = [after]

    def interrupted(project: Project, path: str, file: File | None) -> None:
        if not left[0]:
            left[0] -= 1
            if what == "ENOSPC":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.kill(os.getpid(), signal.Signals[what])
        left[0] -= 1
        put(project, path, file)

    Project.put = interrupted  # type: ignore


if __name__ == "__main__":
    if moment := os.environ.get("TESTKIT_SIGNAL"):
        interrupt(moment.split()[0], int(moment.split()[1]))
    template.ROOT = ROOT
    render_anew, copier_anew = template.render, template.copier
    template.render, template.copier = render, copier
    command.main()
