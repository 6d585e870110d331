"""The commands: `update` brings a release, `preview` says what it would change, `outdated` asks for one."""

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from . import template
from .moves import Moves, mentions
from .plan import LEFT, MARKED, Plan, Planner
from .process import RefusedError, clean
from .project import GO_BACK, Project


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(run(sys.argv[1:]))
    except (RefusedError, OSError, UnicodeError, yaml.YAMLError) as error:
        sys.exit(f"{error}\nNothing was changed.")


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="update.py", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["update", "preview", "outdated"], default="update")
    parser.add_argument("-a", "--answers-file", default=".copier-answers.yml", help="its path from here")
    parser.add_argument("-d", "--data", action="append", default=[], metavar="QUESTION=ANSWER", help="another answer")
    parser.add_argument("--no-tests", action="store_true", help="do not run the tests after the update")
    parser.add_argument("--to", metavar="RELEASE", help="an older release than the newest")
    options = parser.parse_args(arguments)
    project = Project(Path())
    if options.command != "update":
        if project.journal.exists():
            raise RefusedError("An update was interrupted. Update again, which undoes it first.")
        return look(project, options)
    with project.lock():
        if project.recover():
            print("An update was interrupted. Its changes were undone.\n")
        project.check_finished()
        return look(project, options)


def look(project: Project, options: argparse.Namespace) -> int:
    """Compare the releases, and do what the command says if there is a newer one."""
    answers = read_answers(Path(options.answers_file))
    current, target = answers["_commit"], options.to or template.newest()
    for revision, where in ((current, f"`_commit` of {options.answers_file}"), (target, "--to")):
        if not template.known(revision):
            raise RefusedError(
                f"{answers['_src_path']} has no release {revision!r}: set {where} to one that exists, "
                f"such as {template.newest()}."
            )
    newer = not template.contains(current, target)
    if options.command == "outdated":
        print(f"This project uses release {current} of its template; the newest is {target}.")
        return 2 if newer else 0
    if not newer and not options.data:
        raise RefusedError(f"This project uses {current}, and there is no newer release.")
    if options.command == "preview":
        return Update(project, options, answers, target).preview()
    project.check_committed()
    return Update(project, options, answers, target).run()


def read_answers(path: Path) -> dict[str, Any]:
    if not path.is_file():
        others = [str(file) for file in Path().glob(".*.y*ml") if "_src_path:" in file.read_text(errors="replace")]
        found = f" Is it {' or '.join(others)}?" if others else ""
        raise RefusedError(f"There is no {path} here. Name it with -a FILE.{found}")
    answers = yaml.safe_load(path.read_text())
    missing = [key for key in ("_commit", "_src_path") if not isinstance(answers, dict) or not answers.get(key)]
    if missing:
        raise RefusedError(
            f"{path} has no {' and no '.join(missing)}: set _commit to the release that this project uses, and "
            "_src_path to the template's address."
        )
    return {str(key): answer for key, answer in answers.items()} | {"_commit": str(answers["_commit"])}


class Update:
    def __init__(self, project: Project, options: argparse.Namespace, answers: dict[str, Any], target: str) -> None:
        self.project, self.answers, self.target = project, answers, target
        self.answers_file: str = options.answers_file
        self.current: str = answers["_commit"]
        self.run_tests = not options.no_tests
        data = dict(item.partition("=")[::2] for item in options.data)
        self.check_fixed(data)
        self.base, self.new, self.said = template.render(self.current, target, answers, self.answers_file, data)
        self.check_answers(data)
        self.package = self.check_package()
        self.moves = Moves(self.package, self.current)
        self.plan: Plan = Planner(project, self.base, self.new, self.moves, self.answers_file).make()

    def check_fixed(self, data: dict[str, Any]) -> None:
        """What says where the files are is what the template was last given; a package may be renamed by hand."""
        if self.answers_file not in self.project.index:
            raise RefusedError(f"{self.answers_file} is not in git: commit it, so that an update can change it.")
        log = ("log", "-1", "--format=%H", f"-S_commit: {self.current}", "HEAD", "--", self.answers_file)
        if not (commit := self.project.git(*log).decode().strip()):
            return
        recorded = yaml.safe_load(self.project.git("show", f"{commit}:./{self.answers_file}"))
        for name in template.FIXED:
            wanted = data.get(name, self.answers.get(name))
            if name in recorded and name not in ("package_name", "package_dir") and wanted != recorded[name]:
                raise RefusedError(
                    f"{name} cannot change in an update: restore {name}: {yaml.safe_dump(recorded[name]).split()[0]} "
                    f"in {self.answers_file}."
                )

    def check_answers(self, data: dict[str, Any]) -> None:
        """An answer that a release no longer takes must not become the default in silence."""
        before, after = (yaml.safe_load(tree[self.answers_file].content) for tree in (self.base, self.new))
        for name in (before.keys() & after.keys()) - data.keys() - {"_commit", "_src_path"}:
            if before[name] != after[name]:
                raise RefusedError(
                    f"{self.target} does not accept {name}: {before[name]}, and would use {after[name]}. Set an answer "
                    f"that it accepts in {self.answers_file}, or stay on {self.current}."
                )

    def check_package(self) -> str:
        """The folder of the package, which must be where the answers say."""
        layer = "/database/__init__.py"
        package = next(path for path in self.base if path.endswith(layer) and path != f"tests{layer}")
        package = package.removesuffix(layer)
        if not any(path in self.project.index for path in self.base if path.startswith(f"{package}/")):
            raise RefusedError(
                f"{self.answers_file} says that the package is in {package}, but no file of the template is there. "
                "Restore scope, package_name and package_dir. To rename a package, see the template's "
                "docs/updating.md."
            )
        return package

    def preview(self) -> int:
        self.print_changes()
        print("This is a preview: nothing was changed.")
        return 0

    def run(self) -> int:
        self.project.write(self.plan.changes)
        self.print_changes()
        if self.plan.conflicts:
            print(
                f"You and the template changed the same lines in: {' '.join(self.plan.conflicts)}\n"
                "Resolve what is between <<<<<<< and >>>>>>>, run `git add` for each file, run the tests, and commit."
            )
            if any((path + MARKED) in {change.path for change in self.plan.changes} for path in self.plan.conflicts):
                print(f"Files that tools read keep your lines. Resolve and delete FILE{MARKED}.")
        status = 1 if self.plan.conflicts or self.plan.left or self.found else self.test()
        print(f"To go back: {GO_BACK}")
        return status

    def test(self) -> int:
        """Run the tests of a service. The layer's project has its own ways."""
        if not self.run_tests or not Path("Makefile").is_file() or "scripts/update.py" not in self.new:
            print("Updated. Review `git diff HEAD`, run your tests, and commit.")
            return 0
        command = ["make", "--silent", "test"]
        if not Path("tests/database").is_dir():
            print("tests/database is missing, so only your own tests run.")
            command = [".venv/bin/pytest"]
        status = subprocess.run(command, env=clean()).returncode
        if status and not (status == 5 and command[0] != "make"):  # 5 is pytest's for no tests
            print("The tests fail after the update. Fix them before you commit.")
            return 1
        print("Updated, and the tests pass. Review `git diff HEAD`, run `make check`, and commit.")
        return 0

    def print_changes(self) -> None:
        print(f"From {self.current} to {self.target}:\n")
        print(template.changes(template.release_of(self.current), self.target), end="\n\n")
        for change in self.plan.changes:
            mark = "D" if change.after is None else "A" if change.before is None else "M"
            if change.path in self.plan.conflicts:
                mark = "C"
            moved = f" (was {change.source})" if change.source not in (None, change.path) else ""
            print(f"{mark} {change.path}{moved}")
        self.found = list(self.find_moved())
        for heading, lines in (
            ("Names that moved:", self.found),
            ("Notes:", self.plan.notes),
            ("", self.said_lines()),
        ):
            if lines:
                print("", *filter(None, [heading]), *lines, sep="\n")
        print(flush=True)

    def said_lines(self) -> list[str]:
        """What the template says of changed answers."""
        return re.sub(r"(Updating to|Keeping) template version .*", "", self.said).strip().splitlines()

    def find_moved(self) -> Iterator[str]:
        """The places where the user's files name what the release has elsewhere."""
        names = self.moves.names(self.base, self.new)
        words: dict[str, str] = {}
        for old in self.base.keys() - self.new.keys():
            if places := self.moves.paths(old):
                words[old] = " and ".join(places)
                if self.moves.module(old) in names:
                    words[self.moves.module(old)] = " and ".join(self.moves.module(place) for place in places)
        for path, text in self.texts():
            found = {(line, old): new for line, old, new in mentions(text, words)}
            if path.endswith(".py"):
                found |= {(line, old): new for line, old, new in self.moves.uses(path, text, names)}
            yield from (f"{path}:{line}: {old} is now {new}" for (line, old), new in sorted(found.items()))

    def texts(self) -> Iterator[tuple[str, str]]:
        """The user's files after the update, but for those that the release has just rewritten."""
        changed = {change.path: change.after for change in self.plan.changes}
        for path in sorted(self.project.index.keys() | changed.keys()):
            file = changed[path] if path in changed else self.project.file(path)
            written = file == self.new.get(path) != self.base.get(path)
            if file and not written and not path.endswith((MARKED, LEFT)):
                try:
                    yield path, file.content.decode()
                except UnicodeDecodeError:
                    continue
