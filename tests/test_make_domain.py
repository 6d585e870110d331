"""`make domain`: what it writes runs, what it cannot write it refuses, and what fails leaves nothing behind."""

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from testkit.combinations import SERVICES
from testkit.make import domain, make, use_this_environment
from testkit.projects import PYTEST, ROOT, clean_environment, commit, outcome, run
from testkit.releases import NEXT, WORKING_TREE
from testkit.rendering import Render
from testkit.updates import conflicts, start, update

pytestmark = pytest.mark.slow

COMMAND = 'make domain name=customers fields="name:str:100 email:str:254:unique"'
TYPES: tuple[str, ...] = (
    "str:20",
    "str",
    "text",
    "int",
    "smallint",
    "bigint",
    "numeric:10,2",
    "numeric:30,12",
    "numeric:4",
    "float",
)
TYPES += ("bool", "date", "time", "datetime", "uuid", "json", "enum:open,paid,end")
RELATIONS = "parent:references:gadgets? end:enum:asc,desc"
TO_THE_EXAMPLE = (
    " writer:references:authors editor:references:authors:cascade? heir:references:authors:set_null:unique?"
    " book:references:books:unique"
)


def every_type() -> str:
    """Each type once. Every other one may be null, and every third one is unique if it can be."""
    fields = []
    for number, each in enumerate(TYPES):
        unique = ":unique" if number % 3 == 0 and not each.startswith(("bool", "json", "enum")) else ""
        fields.append(f"field_{number}:{each}{unique}{'?' if number % 2 else ''}")
    return " ".join(fields)


def product() -> str:
    """Each type, with and without null, plain, unique and with an index."""
    fields: list[str] = []
    for each in TYPES:
        for extra in ("", ":unique", ":index"):
            if extra and each.startswith(("json", "bool", "enum")):
                continue
            fields += [f"field_{len(fields)}:{each}{extra}", f"field_{len(fields) + 1}:{each}{extra}?"]
    return " ".join(fields)


def check(project: Path, postgres: str, *tests: str) -> None:
    """The code is formatted, linted and typed, the migrations lock no table, and the tests pass on both databases."""
    cache = ROOT / ".cache" / "mypy" / os.environ.get("PYTEST_XDIST_WORKER", "main")
    run(project, "ruff", "format", "--check", "--no-cache")
    run(project, "ruff", "check", "--no-cache")
    run(project, "mypy", "--cache-dir", str(cache))
    assert set(outcome(run(project, *PYTEST, *tests))) == {"passed"}
    migrations = "tests/database/test_migrations.py"
    output = run(project, *PYTEST, *tests, migrations, "--database=postgres", TEST_DATABASE_URL=postgres)
    assert set(outcome(output)) == {"passed"}


def test_every_type(render: Render, postgres: str) -> None:
    project = render(project_name="Shop")
    domain(project, name="gadgets", fields=f"{every_type()} {RELATIONS}{TO_THE_EXAMPLE}")
    check(project, postgres, "tests/gadgets")


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SERVICES)
def test_every_type_in_every_combination(name: str, render: Render, postgres: str) -> None:
    project = render(**SERVICES[name])
    books = TO_THE_EXAMPLE if SERVICES[name].get("example", True) else ""
    domain(project, name="gadgets", fields=f"{product()} {RELATIONS}{books}")
    domain(project, name="parts", fields="label:str:5 gadget:references:gadgets:cascade spare:references:gadgets?")
    check(project, postgres, "tests/gadgets", "tests/parts")


def test_rows_with_an_owner(render: Render, postgres: str) -> None:
    project = render(**(SERVICES["everything"] | {"package_name": "shop"}))
    domain(project, name="customers", fields="name:str:20:unique")
    fields = "total:numeric:10,2 customer:references:customers backup:references:customers? parent:references:invoices?"
    domain(project, name="invoices", fields=fields)
    domain(project, name="rates", into="invoices", without="owner soft_delete audit", fields="percent:numeric:5,2")
    check(project, postgres, "tests/customers", "tests/invoices", "tests/auth/test_principal.py")
    router = (project / "src/shop/invoices/router.py").read_text()
    assert "class Rate(Base):" in (project / "src/shop/invoices/models.py").read_text()
    assert 'tags=["rates"], response_model=Page[RateRead], dependencies=[allows("rates:read")]' in router


def test_make(render: Render) -> None:
    project = render(project_name="Shop", example=False)
    use_this_environment(project)
    (project / ".venv" / "ready").touch()
    status, output = make(project, "domain", *shlex.split(COMMAND)[2:], DATABASE_URL="nowhere")
    assert status == 0, output
    assert "new      src/shop/customers/models.py\n" in output
    assert "changed  src/shop/main.py\n" in output
    status, output = make(project, "domain")
    assert status != 0
    assert "make domain name=orders fields=" in output
    assert "author:references:authors:set_null?" in output


def test_it_asks_in_a_terminal(render: Render) -> None:
    project = render(project_name="Shop")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.domain"],
        cwd=project,
        env=clean_environment() | {"PYTHONPATH": f"{project / 'src'}:{project}"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, b"orders\nnumber:string\n\n\x04")  # a mistake, then the end of the input
    output = b""
    with suppress(OSError):  # the end
        while part := os.read(ours, 10_000):
            output += part
    os.close(ours)
    assert process.wait() == 1
    assert b"number has the unknown type 'string': choose from str," in output
    assert output.count(b"Name of the table") == 2


# What is wrong, and what the sentence says.
REFUSED: list[tuple[dict[str, str], str]] = [
    ({"name": "Orders"}, "'Orders' cannot name a table: use lower-case letters"),
    ({"name": "a" * 40 + "s"}, "at most 40"),
    ({"singular": "order_"}, "'order_' cannot name a table"),
    ({"singular": "class"}, "class cannot name a table, because it is a keyword of Python"),
    ({"name": "pages"}, "The generated code uses pages or page for something else"),
    ({"name": "requests"}, "The generated code uses requests or request for something else"),
    ({"name": "people"}, "people does not end like a plural"),
    ({"name": "books"}, "There is already a table books"),
    ({"singular": "book"}, "There is already a model Book"),
    ({"name": "health", "singular": "check"}, "There is already src/shop/health.py"),
    ({"name": "books_of_mine", "singular": "tome", "into": "health"}, "There is already src/shop/health.py"),
    ({"name": "tomes", "into": "middleware"}, "src/shop/middleware is not a domain, because it has no models.py"),
    ({"without": "tests"}, "without=tests is unknown"),
    ({"fields": ""}, "orders has no fields"),
    ({"fields": "number"}, "number is not a field: write name:type"),
    ({"fields": "number:str?:20"}, "with ? at the end"),
    ({"fields": "class:str"}, "class cannot name a field, because it is a keyword"),
    ({"fields": "number:str number:int"}, "There are two things named number"),
    ({"fields": "author:references:authors author_id:int"}, "There are two things named author_id"),
    ({"fields": "orders:int"}, "There are two things named orders"),
    ({"fields": "copy:str"}, "copy cannot name a field, because the generated code or pydantic uses it"),
    ({"fields": "created_at:datetime"}, "created_at cannot name a field"),
    ({"fields": "date:date"}, "date cannot name a field"),
    ({"fields": "number:string"}, "number has the unknown type 'string': choose from str, varchar, text"),
    ({"fields": "number:str:x"}, "number:str:x: write a whole number from 1 to 10000 instead of 'x'"),
    ({"fields": "total:numeric"}, "total:numeric: numeric needs a precision and a scale"),
    ({"fields": "paid_on:date:5"}, "paid_on:date:5 is not what date takes"),
    ({"fields": "paid:bool:unique"}, "paid cannot be unique"),
    ({"fields": "status:enum:count,sum"}, "'count' cannot be a value"),
    ({"fields": "status:enum"}, "'' cannot be a value"),
    ({"fields": "status:enum:open,open"}, "one value is there twice"),
    ({"fields": "customer:references:customers"}, "customer refers to customers: name one of authors, books"),
    ({"fields": "customer:references"}, "customer refers to no table"),
    ({"fields": "author:references:authors:delete"}, "author has an unknown rule, delete: choose from restrict"),
    ({"fields": "author:references:authors:set_null"}, "author must be able to be null: write ?"),
    ({"fields": "parent:references:orders"}, "parent must be able to be null"),
]
PARSE = """
import json, sys
from scripts.domain.grammar import parse_entity
from scripts.domain.kinds import Refused
for given in json.loads(sys.argv[1]):
    try:
        print(parse_entity(**({"name": "orders", "fields": "number:str"} | given)))
    except Refused as error:
        print(error)
"""


def test_what_it_refuses(render: Render) -> None:
    project = render(project_name="Shop")
    output = run(project, "python", "-c", PARSE, json.dumps([given for given, _ in REFUSED]))
    for (given, sentence), line in zip(REFUSED, output.splitlines(), strict=True):
        assert sentence in line, given


def refused(project: Path, **given: str) -> str:
    """The sentence of a refusal that left nothing behind."""
    before = run(project, "git", "status", "--short", "--untracked-files=all")
    with pytest.raises(AssertionError, match="ended with 1") as error:
        domain(project, **({"name": "orders", "fields": "number:str"} | given))
    assert run(project, "git", "status", "--short", "--untracked-files=all") == before
    assert "Traceback" not in str(error.value)
    return str(error.value)


def test_what_it_refuses_to_edit(render: Render) -> None:
    project = render(project_name="Shop")
    package = project / "src" / "shop"
    commit(project, "Rendered")
    main, models, mako = (
        package / "main.py",
        package / "books/models.py",
        package / "database/migrations/script.py.mako",
    )
    texts = {file: file.read_text() for file in (main, models, mako)}

    main.write_text(texts[main] + "# mine\n")
    assert "src/shop/main.py has uncommitted changes and would be edited: commit them first." in refused(project)
    main.write_text(texts[main].replace("    # Your routers:\n", ""))
    message = refused(project)
    assert "has no marker `# Your routers:`: put it back, above the place for `app.include_router(orders" in message
    main.write_text(texts[main])
    models.write_text(texts[models].replace("    pages: ", "    price: Mapped[int | None]\n    pages: "))
    assert "The models differ from the migrations: first run `make migration`." in refused(project)
    models.write_text(texts[models].replace("\n\n\nclass Author", "\n\nText = str\n\n\nclass Author"))
    commit(project, "A name of mine")
    assert "models.py already defines Text, which the generated code needs: rename it." in refused(
        project, name="reviews", into="books"
    )
    # What fails after everything is written: Alembic cannot read its template.
    mako.write_text("${")
    assert "`alembic revision` failed: " in refused(project, name="reviews")
    assert not (package / "reviews").exists()


def test_it_is_undone_when_it_is_stopped(render: Render) -> None:
    project = render(project_name="Shop")
    commit(project, "Rendered")
    with (project / "src/shop/database/migrations/script.py.mako").open("a") as mako:
        mako.write('<% import time; open("reached", "w"); time.sleep(60) %>')
    commit(project, "A migration that takes a minute to write")
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.domain"],
        cwd=project,
        env=clean_environment()
        | {"PYTHONPATH": f"{project / 'src'}:{project}", "name": "orders", "fields": "number:str"},
        start_new_session=True,
    )
    while not (project / "reached").exists():
        assert process.poll() is None
        time.sleep(0.05)
    assert (project / "src/shop/orders/models.py").exists()
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait() == 1
    assert run(project, "git", "status", "--short").splitlines() == ["?? reached"]


@pytest.mark.updates
@pytest.mark.exhaustive
def test_three_domains_are_updated(history: Path, tmp_path: Path) -> None:
    service = start(history, tmp_path / "service", WORKING_TREE, auth="api_keys")
    domain(service, name="orders", fields="number:str:20:unique author:references:authors")
    commit(service, "Orders")
    domain(service, name="lines", into="orders", fields="amount:int order:references:orders:cascade")
    commit(service, "Lines")
    domain(service, name="payments", fields="order:references:orders paid_on:date?")
    commit(service, "Payments")
    update(service, NEXT)
    assert conflicts(service) == set()
    changed = run(service, "git", "diff", "--name-only", "HEAD").split()
    assert changed
    assert [file for file in changed if "orders" in file or "payments" in file] == []
