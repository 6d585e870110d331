"""A service with 2,000 lines of its own goes from release 1.1.0 to the working tree, and loses none of them.

`.venv/bin/pytest -s tests/test_update_of_a_blog.py` prints the figures.
"""

import re
import time
from pathlib import Path

import pytest

from testkit.blog import CORS, DOMAINS, PACKAGE, line_count, write_blog
from testkit.edits import replace
from testkit.projects import PYTEST, commit, run
from testkit.random_users import lines, read, squashed
from testkit.releases import WORKING_TREE
from testkit.updates import conflicts, start, update, use_new_names

CONFLICT = re.compile(r"<<<<<<< .*?\n(.*?)=======\n(.*?)>>>>>>> [^\n]*\n", re.DOTALL)
# What a person makes of each conflict. Release 2 rewrites the first two, and has a method where the blog added one.
RESOLVED = {
    "main.py": r"\2",
    "models.py": r"\2",
    "database/repository.py": r"\1\n\2",
}

pytestmark = [pytest.mark.slow, pytest.mark.updates, pytest.mark.exhaustive]


def add_to_main(main: Path) -> None:
    """Add the blog's middleware, and its imports that stood in a conflict."""
    imports = [f"from .{domain.table} import router as {domain.table}\n" for domain in DOMAINS]
    missing = "".join(line for line in imports if line not in main.read_text())
    replace(main, "# isort: split\n", f"# isort: split\n{missing}")
    health = "    app.include_router(health.router)\n"
    replace(main, health, f"{CORS}{health}")


def test_a_blog_is_updated(history: Path, tmp_path: Path, postgres: str) -> None:
    service = start(history, tmp_path / "service", "1.1.0")
    rendered = lines(read(service))
    write_blog(service)
    commit(service, "The blog")
    assert line_count(service) > 2_000
    written = lines(read(service)) - rendered
    began = time.perf_counter()
    status, output = update(service, WORKING_TREE)
    seconds = time.perf_counter() - began
    assert conflicts(service) == {str(PACKAGE / file) for file in RESOLVED}
    assert list(service.rglob("*.before-update")) == []
    after = read(service)
    everything = squashed(b"\n".join(after.values()).decode())
    lost = [line for line in sorted(written - lines(after)) if squashed(line) not in everything]
    print(f"\n{line_count(service)} lines: {len(RESOLVED)} conflicts, {len(lost)} lost lines, {seconds:.1f} s")
    assert lost == []
    # What a person does then, as the message says it.
    assert status == 1
    assert "src/my_service/tags/router.py:8: my_service.problems.problem_responses is now" in output
    for file, choice in RESOLVED.items():
        text = CONFLICT.sub(choice, (service / PACKAGE / file).read_text())
        (service / PACKAGE / file).write_text(text)
    add_to_main(service / PACKAGE / "main.py")
    use_new_names(service)
    run(service, *PYTEST)
    run(service, *PYTEST, "--database=postgres", TEST_DATABASE_URL=postgres)
