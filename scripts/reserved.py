"""Complete includes/reserved.jinja, the names that a service's package cannot have: `make constraints` runs this."""

import keyword
import re
import subprocess
import sys
import textwrap
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESERVED = ROOT / "includes" / "reserved.jinja"
BLOCK = re.compile(r"(?<={% set reserved %}\n).*?(?=^{% endset %})", re.DOTALL | re.MULTILINE)


def reserved() -> set[str]:
    """The names that stand there. None of them goes away, because Python and its libraries may return to a name."""
    match = BLOCK.search(RESERVED.read_text())
    assert match
    return set(match[0].split())


def taken() -> set[str]:
    """Python's keywords and modules, and all that the dependencies of any service install, on any platform."""
    distributions = {module_name(each) for each in locked()}
    owners = packages_distributions().items()
    modules = {module for module, names in owners if distributions & {module_name(name) for name in names}}
    words = {*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist, *modules, *distributions}
    return {word.lower() for word in words if word.isidentifier() and not word.startswith("_")}


def locked() -> list[str]:
    """The distributions of a universal lock: every answer and every platform counts."""
    template = (ROOT / "template" / "pyproject.toml.jinja").read_text()
    requirements = re.findall(r'^    "([a-z0-9-]+(?:\[\w+\])?[<>=~].*)",', template, re.MULTILINE)
    compile = (Path(sys.executable).with_name("uv"), "pip", "compile", "--universal", "--python-version", "3.11")
    process = subprocess.run(
        [*compile, "--quiet", "--no-header", "--no-annotate", "--constraint", "constraints.txt", "-"],
        cwd=ROOT,
        input="\n".join(requirements),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return re.findall(r"^([a-z0-9-]+)==", process.stdout, re.MULTILINE)


def module_name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "_", distribution).lower()


if __name__ == "__main__":
    lines = textwrap.wrap(" ".join(sorted(reserved() | taken())), 118)
    RESERVED.write_text(BLOCK.sub("\n".join([*lines, ""]), RESERVED.read_text()))
