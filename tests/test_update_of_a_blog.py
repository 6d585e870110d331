"""A service with 2,000 lines of its own goes from release 1.1.0 to the working tree, and loses none of them."""

import re
import time
from pathlib import Path

import pytest

from testkit.blog import CORS, PACKAGE, line_count, write_blog
from testkit.projects import PYTEST, commit, run
from testkit.random_users import lines, read, squashed
from testkit.releases import WORKING_TREE
from testkit.updates import conflicts, start, update, use_new_names

CONFLICT = re.compile(r"<<<<<<< .*?\n(.*?)=======\n(.*?)>>>>>>> [^\n]*\n", re.DOTALL)
# What a person makes of each conflict. Release 2 rewrites the first two, and has a method where the blog added one.
RESOLVED = {
    "main.py": rf"\2{CORS}",
    "models.py": r"\2",
    "database/repository.py": r"\1\n\2",
}

pytestmark = [pytest.mark.slow, pytest.mark.updates, pytest.mark.exhaustive]


def test_a_blog_is_updated(history: Path, tmp_path: Path, postgres: str) -> None:
    service = start(history, tmp_path / "service", "1.1.0")
    rendered = lines(read(service))
    write_blog(service)
    commit(service, "The blog")
    assert line_count(service) > 2_000
    written = lines(read(service)) - rendered
    began = time.perf_counter()
    status, output = update(service, WORKING_TREE)
    print(f"{line_count(service)} lines, conflicts={sorted(conflicts(service))}, {time.perf_counter() - began:.1f} s")
    assert conflicts(service) == {str(PACKAGE / file) for file in RESOLVED}
    assert list(service.rglob("*.before-update")) == []
    after = read(service)
    everything = squashed(b"\n".join(after.values()).decode())
    assert [line for line in sorted(written - lines(after)) if squashed(line) not in everything] == []
    # What a person does then, as the message says it.
    assert status == 1
    assert "src/my_service/tags/router.py:8: my_service.problems.problem_responses is now" in output
    for file, choice in RESOLVED.items():
        (service / PACKAGE / file).write_text(CONFLICT.sub(choice, (service / PACKAGE / file).read_text()))
    use_new_names(service)
    run(service, *PYTEST)
    run(service, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres)
