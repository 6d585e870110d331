"""Update this project to the newest release of its template: `make update`, which runs that release's own updater."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml>=6"]
# ///

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

# Override the user's git settings: hooks could fail, and line endings could change.
SETTINGS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.autocrlf=false", "-c", "init.templateDir=")
# Variables that git hooks set, which would point git to another repository.
REPOSITORY = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"}
SHORT_FORMS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/", "git+": ""}


def git(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in REPOSITORY}
    process = subprocess.run(["git", *SETTINGS, *arguments], env=environment, capture_output=True, text=True)
    if process.returncode:
        raise OSError(process.stderr.strip().rpartition("\n")[2] or f"git {arguments[0]} failed")
    return process.stdout


def address(answers: Path) -> str:
    """The template's address, which git can clone. Raises OSError without one."""
    if not answers.is_file():
        others = [str(file) for file in Path().glob(".*.y*ml") if "_src_path:" in file.read_text(errors="replace")]
        sys.exit(
            f"There is no {answers} here. Name it with -a FILE. Is it {' or '.join(others) or 'in another folder'}?"
        )
    found = yaml.safe_load(answers.read_text())
    source = str(found.get("_src_path") or "") if isinstance(found, dict) else ""
    if not source:
        raise OSError("_src_path is missing")
    short = next((form for form in SHORT_FORMS if source.startswith(form)), "")
    return os.path.expanduser(
        SHORT_FORMS.get(short, "") + source.removeprefix(short).removeprefix("/" if short else "")
    )


def newest(repository: str) -> str:
    """Return the tag of the newest release, or HEAD if there is none."""
    tags = git("-C", repository, "tag", "--list").split()
    releases = [tag for tag in tags if re.fullmatch(r"v?\d+(\.\d+)*", tag)]
    return max(releases, key=lambda tag: [int(part) for part in re.findall(r"\d+", tag)], default="HEAD")


def run(release: Path) -> int:
    """Run the updater of the release, and forward termination signals, so that it can clean up."""
    uv = os.environ.get("UV") or "uv"
    command = [uv, "run", "--quiet", "--python", sys.executable, "--script", str(release / "update.py"), *sys.argv[1:]]
    with subprocess.Popen(command) as updater:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: updater.send_signal(number))
        return updater.wait()


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-a", "--answers-file", type=Path, default=Path(".copier-answers.yml"))
    answers: Path = parser.parse_known_args()[0].answers_file
    with TemporaryDirectory(prefix="template-") as folder:
        repository, release = f"{folder}/template.git", Path(folder, "release")
        try:
            git("clone", "--quiet", "--bare", "--", address(answers), repository)
            git("-C", repository, "worktree", "add", "--quiet", "--detach", str(release), newest(repository))
        except (OSError, yaml.YAMLError) as error:
            sys.exit(f"Cannot read the template: {error}. Check _src_path in {answers}.")
        sys.exit(run(release))


if __name__ == "__main__":
    main()
