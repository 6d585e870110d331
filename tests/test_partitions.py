"""What docs/scaling.md says of partitions, on few rows: `python -m bench.partitions` measures many."""

import asyncio
import re

import pytest

from bench import partitions

pytestmark = pytest.mark.slow


def test_a_key_and_a_page_need_one_partition(postgres: str, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(partitions.main(5000, postgres))
    output = capsys.readouterr().out
    read = {
        name: int(count) for name, count in re.findall(r"^\| (\w.+?)(?: \| \d+){4} \| (\d+) \|$", output, re.MULTILINE)
    }
    assert {name: read[name] for name in ("row by key", "page, newest first", "page in the middle")} == {
        "row by key": 1,
        "page, newest first": 1,
        "page in the middle": 1,
    }
    assert read["row by another column"] == partitions.MONTHS + 1
    assert re.search(r"^Remove a month, [1-9]\d* rows: ", output, re.MULTILINE)
