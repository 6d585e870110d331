"""Each combination: the rendered service's own suite, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest

from testkit.projects import PYTEST, outcome, run
from testkit.rendering import Render, add_layer_tests


def test_suite(proven: Path, postgres: str) -> None:
    quick = outcome(run(proven, *PYTEST))
    real = outcome(run(proven, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres))
    # SQLite runs all but what it cannot tell; PostgreSQL runs all. Nothing is skipped, nothing warns.
    assert real == {"passed": quick["passed"] + quick["deselected"]}
    assert set(quick) == {"passed", "deselected"}


@pytest.mark.slow
def test_suite_in_two_processes(render: Render, postgres: str) -> None:
    output = run(render(), *PYTEST, "-n", "2", "--database=postgres", TEST_DATABASE_URL=postgres)
    assert set(outcome(output)) == {"passed"}


@pytest.mark.slow
def test_suite_on_an_embedded_server(render: Render) -> None:
    assert set(outcome(run(render(), *PYTEST, "--database=postgres"))) == {"passed"}


@pytest.mark.slow
def test_a_stream_of_100_000_rows_keeps_as_few_in_memory(render: Render, postgres: str) -> None:
    """The test of the layer, with five times the rows and the same limit of 1 MiB."""
    project = render()
    add_layer_tests(project)
    test = project / "tests" / "database" / "test_statements.py"
    text = test.read_text()
    test.write_text(text.replace("20_000", "100_000").replace("20_001", "100_001"))
    assert text.count("20_000") == 2
    output = run(project, *PYTEST, "--database=postgres", str(test), "-k", "stream", TEST_DATABASE_URL=postgres)
    assert outcome(output)["passed"] == 1
