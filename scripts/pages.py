"""What the documentation tells of the template as it is: its questions, and the settings and errors of a service."""

import ast
import inspect
import json
import math
import re
import sys
import textwrap
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier
import yaml

from bench import report

ROOT = Path(__file__).parents[1]

TYPES = {
    "Credentials": "`true` or `false`",
    "DatabaseURL": "a URL",
    "Hosts": "hosts",
    "Networks": "networks",
    "Origins": "origins",
    "Seconds": "seconds",
    "bool": "`true` or `false`",
    "int": "a number",
    "str": "text",
}


def fill(page: str) -> str:
    """The text of a page, with what its comments ask for."""
    parts = {
        "questions": questions,
        "settings": settings,
        "errors": errors,
        "performance": performance,
        "capacity": capacity,
    }
    return re.sub(r"<!-- (\w+) -->", lambda match: parts[match[1]](), page)


@cache
def rendered(scope: str) -> "TemporaryDirectory[str]":
    """A project with the defaults, until the program ends."""
    folder = TemporaryDirectory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", copier.errors.DirtyLocalWarning)
        copier.run_copy(str(ROOT), folder.name, data={"scope": scope}, defaults=True, quiet=True, vcs_ref="HEAD")
    return folder


def answers(scope: str) -> dict[str, object]:
    return dict(yaml.safe_load(Path(rendered(scope).name, ".copier-answers.yml").read_text()))


def module(name: str) -> Any:
    """A module of a rendered service."""
    source = str(Path(rendered("service").name, "src"))
    if source not in sys.path:
        sys.path.append(source)
    return import_module(f"my_service.{name}")


def questions() -> str:
    """A section for each question of copier.yml."""
    defaults = answers("database") | answers("service")
    asked = {
        name: question
        for name, question in yaml.safe_load((ROOT / "copier.yml").read_text()).items()
        if not name.startswith("_") and question.get("when") is not False
    }
    return "\n".join(section(name, question, defaults[name]) for name, question in asked.items())


def section(name: str, question: dict[str, Any], default: object) -> str:
    prompt, mark, rest = question["help"].replace("<", r"\<").partition("? ")
    follows = ", which follows from other answers" if "{" in str(question["default"]) else ""
    lines = [
        f"## {name}\n",
        f"**{prompt}{mark.strip()}** {rest}\n",
        f"- Answer: {choices(question)}",
        f"- Default: {show(default)}{follows}",
    ]
    if scope := re.search(r"scope == '(\w+)'", question.get("when", "")):
        docker = " and [docker](#docker) `true`" if "docker" in question["when"] else ""
        lines.append(f"- Asked with: [scope](#scope) `{scope[1]}`{docker}")
    return "\n".join(lines) + "\n"


def choices(question: dict[str, Any]) -> str:
    if "choices" in question:
        known = question["choices"]
        labels = known if isinstance(known, dict) else dict(zip(known, known, strict=True))
        # A label that begins with its value says more about it; one that is its value says nothing.
        told = ((value, label.removeprefix(f"{value}: ")) for label, value in labels.items())
        return ", ".join(f"`{value}` ({label})" if label.lower() != value else f"`{value}`" for value, label in told)
    return "`true` or `false`" if question["type"] == "bool" else "text"


def show(value: object) -> str:
    return "empty" if value in ("", None) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def settings() -> str:
    """An entry for each setting of a rendered service: its name in the environment, type, default, and what it does."""
    classes = module("settings").Settings, module("database.settings").DatabaseSettings
    return "\n".join(entry for settings in classes for entry in entries(settings))


def entries(settings: Any) -> list[str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(body, ast.ClassDef)
    result = []
    for field, text in zip(body.body, body.body[1:], strict=False):
        # A setting is what has a text; what has none holds settings of its own.
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)):
            continue
        name, info = field.target.id, settings.model_fields[field.target.id]
        alias = info.validation_alias or f"{settings.model_config['env_prefix']}{name}".upper()
        names = getattr(alias, "choices", [alias])
        heading = " or ".join(f"`{name}`" for name in names)
        what = inspect.cleandoc(str(ast.literal_eval(text.value)))
        default = "" if info.default in (None, []) else f", default `{info.default}`"
        result.append(f"{heading}\n: {kind(field.annotation)}{default}. {what}\n")
    return result


def kind(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Subscript):
        return " or ".join(f"`{value}`" for value in ast.literal_eval(annotation.slice))
    return TYPES[ast.unparse(annotation)]


def errors() -> str:
    """What a client is told, by the SQLSTATE of the error or its class."""
    rows: dict[tuple[int, str], list[str]] = {}
    for state, response in module("database.errors").ERROR_RESPONSES.items():
        detail = f"{response.detail} With `Retry-After`." if response.headers else response.detail
        rows.setdefault((response.status, detail), []).append(state)
    lines = [f"| {', '.join(states)} | {status} | {detail} |" for (status, detail), states in rows.items()]
    return "\n".join(["| SQLSTATE | Status | Detail |", "| --- | --- | --- |", *lines])


def performance() -> str:
    """The last figures that were kept."""
    return report.tables(json.loads(report.RESULTS.read_text()))


# Of ten requests: what most services get.
MIX = {"read": 8, "page": 1, "create": 1}
# As in deploy/kubernetes: CPUs of a pod, the share at which the autoscaler adds one, the pods beside the maximum.
POD_CPU, UTILIZATION, SURGE = 0.5, 0.7, 1
POOL_SIZE = 10


def capacity() -> str:
    """What a rate of requests needs, from the last figures that were kept."""
    service = {name: each["service"] for name, each in json.loads(report.RESULTS.read_text())["operations"].items()}
    cpu, busy = (
        sum(times * service[name][figure] for name, times in MIX.items()) / sum(MIX.values()) / 1e6
        for figure in ("cpu us at 16", "p50 us at 1")
    )
    rows = []
    for rate in (100, 500, 1_000, 2_000, 5_000, 10_000):
        pods = max(2, math.ceil(rate * cpu / (POD_CPU * UTILIZATION)))
        clients = (pods + SURGE) * (POOL_SIZE + 1)
        rows.append(f"| {rate:,} | {rate * cpu:.1f} | {pods} | {clients:,} | {rate * busy:.1f} |")
    heading = "| Requests per second | CPUs | Pods | Connections to the pooler | Busy on the server, at most |"
    return "\n".join([heading, "| ---: | ---: | ---: | ---: | ---: |", *rows])
