"""The releases, found in git's history, as a template repository with a tag for each."""

import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from .edits import replace
from .projects import PARTS, ROOT, commit, copy_working_tree, run

WORKING_TREE = "9999.0.0"
NEXT = "10000.0.0"
MAJOR = "10001.0.0"
PACKAGE = "{{package_dir}}"

# What a later release may do, next to what people do, in every file that they share with the template.
NEXT_CHANGES = [
    (
        "pyproject.toml.jinja",
        '    "uvicorn[standard]>=0.54",\n',
        '    "uvicorn[standard]>=0.54.1",\n    "zstandard>=0.25",\n',
    ),
    ("Makefile.jinja", "\n# Yours:\n", "\n.PHONY: next\nnext: ## New\n\t@true\n\n# Yours:\n"),
    ("README.md.jinja", "# {{ project_name }}\n", "# {{ project_name }}, the next\n"),
    (
        ".github/workflows/ci.yml.jinja",
        "  # Yours:",
        "  next:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make next\n\n  # Yours:",
    ),
    (".gitlab-ci.yml.jinja", "# Yours:", "next:\n  script:\n    - make next\n\n# Yours:"),
    (".env.example", "# For the compose file.", "# For compose.yaml."),
    ("compose.yaml", "retries: 30", "retries: 40"),
    (
        f"{PACKAGE}/main.py.jinja",
        "    app.include_router(health.router)\n",
        "    app.state.next = True\n    app.include_router(health.router)\n",
    ),
    (f"{PACKAGE}/main.py.jinja", "\n# Your imports:\n", "from . import health as health  # next\n\n# Your imports:\n"),
    (f"{PACKAGE}/models.py.jinja", "Every model of the service", "All models of the service"),
    (f"{PACKAGE}/settings.py.jinja", "    # Yours:", "    next: bool = True\n    # Yours:"),
    (f"{PACKAGE}/errors.py", '"""', '"""Next. '),
    (f"{PACKAGE}/database/startup.py", "RETRY_DELAY = 0.2\n", "RETRY_DELAY = 0.25\n"),
    (f"{PACKAGE}/books/router.py", "router = APIRouter()\n", "router = APIRouter()  # next\n"),
]


def headings(commit: str) -> list[str]:
    """The releases that the commit's CHANGELOG names, newest first."""
    show = ["git", "show", f"{commit}:CHANGELOG.md"]
    changes = subprocess.run(show, cwd=ROOT, capture_output=True, text=True).stdout
    return re.findall(r"^## (\d+\.\d+\.\d+)$", changes, re.MULTILINE)


@cache
def releases() -> dict[str, str]:
    """The commit of each release, oldest first: the newest that has the heading and whose parent has not."""
    found: dict[str, str] = {}
    for line in run(ROOT, "git", "log", "--format=%H %P", "HEAD", "--", "CHANGELOG.md").splitlines():
        this, *parents = line.split()
        before = {heading for parent in parents for heading in headings(parent)}
        for version in headings(this):
            if version not in before:
                found.setdefault(version, this)
    return dict(sorted(found.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def export(revision: str, folder: Path) -> None:
    """Write the template of a revision into the folder."""
    with TemporaryDirectory() as archives:
        archive = Path(archives) / "template.tar"
        parts = run(ROOT, "git", "ls-tree", "--name-only", revision, "--", *PARTS).split()
        run(ROOT, "git", "archive", f"--output={archive}", revision, *parts)
        run(folder, "tar", "--extract", f"--file={archive}")


def questions(version: str) -> set[str]:
    """What can be answered in a release; "9999.0.0" is the working tree."""
    path = "copier.yml"
    revision = releases().get(version)
    text = run(ROOT, "git", "show", f"{revision}:{path}") if revision else (ROOT / path).read_text()
    asked = yaml.safe_load(text).items()
    return {name for name, question in asked if not name.startswith("_") and question.get("when") is not False}


def build_history(folder: Path) -> None:
    """A commit and a tag for each release, then the working tree, then what may come next."""
    for version, revision in releases().items():
        export(revision, folder)
        tag(folder, version)
        run(folder, "git", "rm", "-r", "--quiet", ".")
    copy_working_tree(folder)
    tag(folder, WORKING_TREE)
    for file, old, new in NEXT_CHANGES:
        replace(folder / "template" / file, old, new)
    replace(folder / "CHANGELOG.md", "# Changes\n", f"# Changes\n\n## {NEXT}\n\n- The next release.\n")
    tag(folder, NEXT)


def tag(folder: Path, version: str) -> None:
    commit(folder, f"Release {version}")
    run(folder, "git", "tag", version)


def add_major(folder: Path) -> None:
    """Add a release that moves, splits and drops files, renames a name and drops a question."""
    package = folder / "template" / PACKAGE
    (package / "probes").mkdir()
    (package / "health.py").rename(package / "probes" / "health.py")
    retry = (package / "database" / "retry.py").read_text()
    (package / "database" / "attempts.py").write_text(f"{retry}\n# One half.\n")
    (package / "database" / "backoff.py").write_text(f"{retry}\n# The other.\n")
    (package / "database" / "retry.py").unlink()
    (folder / "template" / ".env.example").unlink()
    for file in filter(Path.is_file, (folder / "template").rglob("*")):
        text = re.sub(r"(\{[%{][^}]*?)\bdocker\b", r"\1true", file.read_text())
        text = re.sub(r"from \. import health\b", "from .probes import health", text)
        text = re.sub(r"from (\.+)health import", r"from \1probes.health import", text)
        file.write_text(text.replace("from .retry import", "from .attempts import"))
    before, _, rest = (folder / "copier.yml").read_text().partition("docker:\n")
    (folder / "copier.yml").write_text(before + rest.partition("\n\n")[2].replace("docker", "true"))
    moves = yaml.safe_load((folder / "updater" / "moves.yml").read_text())
    moves[MAJOR] = {
        "paths": {
            "PACKAGE/health.py": ["PACKAGE/probes/health.py"],
            "PACKAGE/database/retry.py": ["PACKAGE/database/attempts.py", "PACKAGE/database/backoff.py"],
            ".env.example": [],
        },
        "names": {"PACKAGE.health.router": "PACKAGE.probes.health.probes"},
    }
    (folder / "updater" / "moves.yml").write_text(yaml.safe_dump(moves, sort_keys=False))
    tag(folder, MAJOR)
