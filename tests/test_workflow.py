"""The pipeline of this repository: valid, safe, and no test is left out."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.combinations import LAYERS, SERVICES
from testkit.projects import ROOT, run

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
JOBS: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
IDS = [*SERVICES, *LAYERS]


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_valid_and_safe() -> None:
    run(ROOT, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW))
    run(ROOT, "zizmor", "--offline", "--no-progress", str(WORKFLOW))
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {}
    assert all(job.get("permissions", {}).items() <= {"contents": "read"}.items() for job in JOBS.values())


def test_actions_are_those_of_the_services() -> None:
    theirs = (ROOT / "template" / ".github" / "workflows" / "ci.yml.jinja").read_text()
    uses = re.compile(r"uses: (.+)")
    assert set(uses.findall(WORKFLOW.read_text())) == set(uses.findall(theirs))


def test_the_oldest_and_the_newest() -> None:
    """What README.md promises, what can be answered, and what the tests start themselves."""
    matrix = JOBS["combinations"]["strategy"]["matrix"]
    assert re.findall(r"Python (\S+) to (\S+) and PostgreSQL (\S+) to (\S+)\.", (ROOT / "README.md").read_text()) == [
        (*matrix["python"], *matrix["postgres"])
    ]
    choices = yaml.safe_load((ROOT / "copier.yml").read_text())["python_version"]["choices"]
    assert [choices[0], choices[-1]] == matrix["python"]
    assert f"\nembedded-postgres=={matrix['postgres'][1]}." in (ROOT / "constraints.txt").read_text()


def test_the_matrix_has_all_combinations(tmp_path: Path) -> None:
    output = tmp_path / "output"
    run(ROOT, "bash", "-e", "-c", commands("fast")[-1], GITHUB_OUTPUT=str(output))
    name, _, value = output.read_text().partition("=")
    assert (name, json.loads(value)) == ("ids", IDS)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ("success success", 0),
        ("success failure", 1),
        ("success cancelled", 1),
        ("skipped success", 1),
        ("skipped", 1),
    ],
)
def test_one_job_stands_for_all(results: str, status: int) -> None:
    assert JOBS["passed"]["if"] == "always()"
    assert set(JOBS["passed"]["needs"]) == JOBS.keys() - {"passed"}
    (command,) = commands("passed")
    assert subprocess.run(["bash", "-e", "-c", command], env={"RESULTS": results}).returncode == status


@pytest.mark.slow
def test_each_test_is_in_a_job() -> None:
    everything = collected("pytest")
    in_jobs = set().union(*(collected(*typed(job)) for job in ("fast", "services", "updates", "image", "kubernetes")))
    assert [test for test in everything - in_jobs if not test.endswith(tuple(f"[{name}]" for name in IDS))] == []
    # And what the matrix types for a combination is that one alone.
    expected = {test for test in everything if f"[{IDS[0]}]" in test}
    assert expected
    assert collected(*typed("combinations", ID=IDS[0])) == expected


def typed(job: str, **environment: str) -> list[str]:
    """The arguments of the pytest that a job comes to, with make's targets followed."""
    lines = []
    for command in commands(job):
        dry = f"{command} --dry-run --assume-old=.venv/ready" if command.startswith("make ") else f"echo '{command}'"
        lines += run(ROOT, "sh", "-c", dry, **environment).splitlines()
    (line,) = [line for line in lines if line.startswith(".venv/bin/pytest")]
    return ["pytest", *shlex.split(line)[1:]]


def collected(*command: str) -> set[str]:
    output = run(ROOT, *command, "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider")
    return {line for line in output.splitlines() if "::" in line}
