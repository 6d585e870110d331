"""Render a project from the working tree: `make render DEST=../shop ARGS="-d project_name=Shop"`.

Does what `copier copy` does. Without a terminal it takes the defaults, and it refuses an answer in one sentence
instead of a traceback.
"""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    destination, *arguments = sys.argv[1:]
    defaults = [] if sys.stdin.isatty() else ["--defaults"]
    sys.argv = ["copier", "copy", "--vcs-ref=HEAD", *defaults, *arguments, str(ROOT), destination]
    try:
        runpy.run_module("copier", run_name="__main__", alter_sys=True)
    except ValueError as error:
        sys.exit(str(error))
