"""Bring the newer releases of the template that this service came from: `make update`. `make outdated` only asks."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.18,<10"]
# ///

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import yaml

GO_BACK = (("restore", "--source=HEAD", "--staged", "--worktree", "."), ("clean", "-fd", "."))
GO_BACK_BY_HAND = " && ".join(" ".join(("git", *command)) for command in GO_BACK)
# The short forms that Copier takes are addresses for git, too.
SHORT_FORMS = ("-c", "url.https://github.com/.insteadOf=gh:", "-c", "url.https://gitlab.com/.insteadOf=gl:")


def output(*command: str, text: str | None = None) -> str:
    process = subprocess.run(command, input=text, capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"{process.stderr.strip()}\n`{' '.join(command)}` failed; the lines above say why.")
    return process.stdout


def git(*command: str) -> str:
    return output("git", *command)


def unmerged() -> list[str]:
    return sorted({line.split("\t")[1] for line in git("ls-files", "-z", "--unmerged").split("\0") if line})


def versions() -> tuple[bool, str, str]:
    """Whether there is a newer release, the release that this service has, and the newest one."""
    state = json.loads(output("copier", "check-update", "--output-format=json"))
    return state["update_available"], state["current_version"], state["latest_version"]


def changes(current: str, latest: str) -> str:
    """What the template's CHANGELOG says of the releases after the current one."""
    template = str(yaml.safe_load(Path(".copier-answers.yml").read_text())["_src_path"]).removeprefix("git+")
    with TemporaryDirectory() as folder:
        git(*SHORT_FORMS, "clone", "--quiet", "--no-checkout", "--", template, folder)
        # A template without tags has no releases: then its newest commit counts.
        revision = latest if re.fullmatch(r"[0-9.]+", latest) else "HEAD"
        text = git("-C", folder, "show", f"{revision}:CHANGELOG.md")
    newer = re.split(rf"^## {re.escape(current)}$", text, flags=re.MULTILINE)[0]
    return newer[newer.find("\n## ") :].strip()


def merge_as_formatted(file: str) -> None:
    """Merge again, with all three sides in this project's format: a line that was only broken anew is no conflict."""
    with TemporaryDirectory() as folder:
        sides = []
        for stage in "213":
            text = git("show", f":{stage}:./{file}")
            with NamedTemporaryFile("w", dir=folder, delete=False) as side:
                side.write(output(".venv/bin/ruff", "format", "--stdin-filename", file, "-", text=text))
            sides.append(side.name)
        merge = subprocess.run(["git", "merge-file", "--stdout", *sides], capture_output=True, text=True)
    if merge.returncode == 0:
        Path(file).write_text(merge.stdout)
        git("reset", "--quiet", "--", file)


def update() -> None:
    available, current, latest = versions()
    if not available:
        sys.exit(f"This service has {current}, and there is nothing newer.")
    print(f"From {current} to {latest}:\n\n{changes(current, latest)}\n", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        subprocess.run(["copier", "update", "--defaults"], check=True)
    except BaseException:
        # There was nothing uncommitted, so that all there is now is half an update.
        for command in GO_BACK:
            git(*command)
        print("The update did not come to its end. All is as it was before.", file=sys.stderr)
        raise SystemExit(1) from None


def finish() -> None:
    """Merge what can be merged, run the tests, and say what to look at."""
    for file in unmerged():
        if file.endswith(".py"):
            merge_as_formatted(file)
    changed = git("ls-files", "-z", "--modified", "--others", "--exclude-standard", "--deduplicate", "*.py")
    if files := [file for file in changed.split("\0") if Path(file).is_file() and file not in unmerged()]:
        output(".venv/bin/ruff", "format", "--quiet", *files)
    print(git("status", "--short"))
    if conflicts := unmerged():
        sys.exit(
            f"You and the template changed the same lines in: {' '.join(conflicts)}\n"
            "Choose between <<<<<<< and >>>>>>>, then `make check`, `make test` and commit. "
            f"Or go back: {GO_BACK_BY_HAND}"
        )
    if subprocess.run(["make", "--silent", "test"]).returncode:
        sys.exit(f"The tests fail after the update. Mend what they name, or go back: {GO_BACK_BY_HAND}")
    print("Updated, and the tests pass. Look at `git diff` and the new files above, run `make check`, and commit.")


def main() -> None:
    if sys.argv[1:] == ["outdated"]:
        available, current, latest = versions()
        print(f"This service has {current} of its template; the newest release is {latest}.")
        sys.exit(2 if available else 0)
    if not unmerged():
        if uncommitted := git("status", "--short", "."):
            sys.exit(
                f"{uncommitted}This is not committed. Commit or stash it, so that you can tell the update from your work."
                f"\nIf an interrupted update left it, and nothing of it is yours, go back: {GO_BACK_BY_HAND}"
            )
        update()
    finish()


if __name__ == "__main__":
    main()
