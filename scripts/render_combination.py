"""Render one of testkit/combinations.py from the working tree: `python -m scripts.render_combination ID`."""

import sys
from pathlib import Path
from shutil import rmtree

import copier

from testkit.combinations import LAYERS, SERVICES

ROOT = Path(__file__).parents[1]

ALL = SERVICES | LAYERS

if sys.argv[1] not in ALL:
    sys.exit(f"There is no combination {sys.argv[1]!r}. These are: {', '.join(ALL)}")
folder = ROOT / ".rendered" / sys.argv[1]
rmtree(folder, ignore_errors=True)
copier.run_copy(str(ROOT), folder, data=ALL[sys.argv[1]], defaults=True, vcs_ref="HEAD", quiet=True)
print(f"Rendered {folder.relative_to(ROOT)}")
