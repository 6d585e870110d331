"""docs/security.md names each requirement once, and tests that exist."""

import re

import pytest

from testkit.combinations import SERVICES
from testkit.projects import ROOT, run
from testkit.rendering import Render

PAGE = (ROOT / "docs" / "security.md").read_text()
# The requirements of level 1 in ASVS 5.0.0, and the API Security Top 10 of 2023.
NUMBERS = """
V1.2.1 V1.2.2 V1.2.3 V1.2.4 V1.2.5 V1.3.1 V1.3.2 V1.5.1 V2.1.1 V2.2.1 V2.2.2 V2.3.1 V3.2.1 V3.2.2 V3.3.1 V3.4.1 V3.4.2
V3.5.1 V3.5.2 V3.5.3 V4.1.1 V4.4.1 V5.2.1 V5.2.2 V5.3.1 V5.3.2 V6.1.1 V6.2.1 V6.2.2 V6.2.3 V6.2.4 V6.2.5 V6.2.6 V6.2.7
V6.2.8 V6.3.1 V6.3.2 V6.4.1 V6.4.2 V7.2.1 V7.2.2 V7.2.3 V7.2.4 V7.4.1 V7.4.2 V8.1.1 V8.2.1 V8.2.2 V8.3.1 V9.1.1 V9.1.2
V9.1.3 V9.2.1 V10.4.1 V10.4.2 V10.4.3 V10.4.4 V10.4.5 V11.3.1 V11.3.2 V11.4.1 V12.1.1 V12.2.1 V12.2.2 V13.4.1 V14.2.1
V14.3.1 V15.1.1 V15.2.1 V15.3.1
API1 API2 API3 API4 API5 API6 API7 API8 API9 API10
"""

ROWS = re.findall(r"^\| ((?:V|API)\d[^|]*) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


def test_each_requirement_is_named_once() -> None:
    named = []
    for numbers, _, _ in ROWS:
        for part in numbers.split(", "):
            first, _, last = part.partition(" to ")
            section, _, start = first.rpartition(".")
            end = last.removeprefix(f"{section}.") or start
            named += [f"{section}.{number}" for number in range(int(start), int(end) + 1)] if section else [first]
    assert sorted(named) == sorted(NUMBERS.split())


@pytest.mark.parametrize("numbers", [numbers for numbers, _, _ in ROWS])
def test_what_the_service_meets_is_shown(numbers: str) -> None:
    (answer,) = (answer for each, _, answer in ROWS if each == numbers)
    assert re.search(r"\b(Service|Deployment|You|Not part of a service)\b", answer)
    tests = re.findall(r"`(\S+\.py)::(\w+)`", answer)
    assert tests or not re.search(r"\bService\b", answer)
    for file, name in tests:
        (path,) = [*ROOT.glob(f"tests/{file}*"), *ROOT.glob(f"template/tests/{file}*")]
        assert re.search(rf"^(async )?def {name}\(", path.read_text(), re.MULTILINE), name


@pytest.mark.parametrize("auth", ["accounts", "api_keys", "oidc"])
def test_no_dangerous_calls(render: Render, auth: str) -> None:
    """No eval, SQL from strings, weak hash, XML parser or subprocess, as flake8-bandit finds them."""
    project = render(**{**SERVICES["everything"], "auth": auth})
    # S101 are asserts, and S311 finds the random pause before a retry. devserver.py is not for production.
    command = (
        "ruff",
        "check",
        "--isolated",
        "--select=S",
        "--ignore=S101,S311",
        "--extend-exclude=devserver.py",
        "src",
    )
    assert "All checks passed" in run(project, *command)
