"""The commands of a service that look into its database and its API, typed on a real PostgreSQL."""

import asyncio
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from testkit.edits import package, replace
from testkit.make import make, use_this_environment
from testkit.projects import BIN, execute, run
from testkit.rendering import Render, administer

# One process for all of them: they share a service.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("commands")]

# What the targets run behind the server for development.
SCRIPT = (str(BIN / "python"), "-m", "scripts.database")
PASSWORD = "s3cret"  # noqa: S105
BOOKS = "select isbn, title, pages, name from books join authors on authors.id = author_id order by isbn"


@pytest.fixture(scope="module")
def service(render: Render) -> Path:
    service = render()
    use_this_environment(service)
    return service


@pytest.fixture(scope="module")
def seeded(service: Path, server: str) -> str:
    """The URL of a database with the rows of scripts/seed.py."""
    name = f"template_{uuid4().hex[:12]}_test"
    asyncio.run(administer(server, f'CREATE DATABASE "{name}"'))
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    status, output = make(service, "seed", DATABASE_URL=url)
    assert (status, output.count("\nAdded ")) == (0, 3), output
    return url


def fake(folder: Path, name: str, version: int, status: int = 0) -> str:
    """A PATH whose first program of that name writes down what it gets."""
    program = folder / name
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{name} (PostgreSQL) {version}.1"; exit; fi\n'
        f'echo "$0 $@" >{folder}/arguments\necho "$PGPASSWORD" >{folder}/password\nexit {status}\n'
    )
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


@pytest.mark.parametrize("auth", ["none", "api_keys", "oidc"])
def test_the_list_of_commands_is_one_screen(render: Render, auth: str) -> None:
    lines = run(render(auth=auth), "make").splitlines()
    assert len(lines) <= 36
    assert max(map(len, lines)) <= 100
    assert sum(not line.startswith(" ") for line in lines if line) >= 4


def test_seed_twice_changes_nothing(service: Path, seeded: str) -> None:
    assert run(service, *SCRIPT, "seed", DATABASE_URL=seeded) == ""
    assert len(rows(seeded, BOOKS)) == 3


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    async def fetch() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_psql(service: Path, seeded: str) -> None:
    command = 'echo "select title from books" | make psql'
    assert "Solaris\n" in run(service, "sh", "-c", command, DATABASE_URL=seeded)


ELSEWHERE = {"DATABASE_URL": f"postgresql://ann:{PASSWORD}@db.invalid/staging", "DATABASE_STARTUP_TIMEOUT": "0.1"}


def test_seed_refuses_a_database_elsewhere(service: Path) -> None:
    status, output = execute(service, *SCRIPT, "seed", **ELSEWHERE, SEED_DATABASE="db.invalid/production")
    assert (status, PASSWORD in output) == (1, False)
    assert (
        "db.invalid/staging is not on this machine. If you mean it: make seed SEED_DATABASE=db.invalid/staging\n"
        in output
    )


def test_seed_takes_a_database_elsewhere_that_is_named(service: Path) -> None:
    status, output = make(service, "seed", "SEED_DATABASE=db.invalid/staging", **ELSEWHERE)
    assert (status, PASSWORD in output) == (2, False)
    assert "Cannot connect to PostgreSQL at db.invalid" in output
    assert "Traceback" not in output


def test_dump_and_restore(service: Path, seeded: str, postgres: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.dump"
    status, output = make(service, "dump", f"FILE={file}", DATABASE_URL=seeded)
    assert (status, 'dumping contents of table "public.books"' in output) == (0, True), output
    assert f"\nDumped into {file}, {file.stat().st_size:,} bytes.\n" in output
    assert "OID" not in output  # of pg_dump's own log
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    status, output = execute(service, *SCRIPT, "dump", str(file), DATABASE_URL=seeded)
    assert (status, f"{file} exists." in output) == (1, True), output
    assert make(service, "restore", f"FILE={file}", DATABASE_URL=postgres)[0] == 0
    assert rows(postgres, BOOKS) == rows(seeded, BOOKS) != []
    status, output = execute(service, *SCRIPT, "restore", str(file), DATABASE_URL=postgres)
    assert (status, " is not empty: it has " in output) == (1, True), output


@pytest.mark.parametrize(
    ("file", "explanation"),
    [
        ("", "make restore FILE=shop.dump"),
        ("pyproject.toml", "pyproject.toml is not a dump that pg_restore can read"),
    ],
)
def test_restore_explains_which_file_it_needs(service: Path, file: str, explanation: str) -> None:
    status, output = make(service, "restore", f"FILE={file}", **ELSEWHERE)
    assert (status, explanation in output, "Traceback" in output) == (2, True, False), output


def test_dump_connects_to_postgresql_itself(service: Path, seeded: str, tmp_path: Path) -> None:
    pooled = {**ELSEWHERE, "DATABASE_POOLER": "transaction"}
    command = (*SCRIPT, "dump", str(tmp_path / "shop.dump"))
    status, output = execute(service, *command, **pooled)
    assert (status, "set DATABASE_MIGRATION_URL to PostgreSQL's own" in output) == (1, True), output
    pooled |= {"DATABASE_MIGRATION_URL": seeded, "DATABASE_STARTUP_TIMEOUT": "10"}
    assert "\nDumped into " in run(service, *command, **pooled)


URL = f"postgresql+asyncpg://ann%40home:{PASSWORD}@[::1]:5433,db.invalid/shop?sslmode=require&sslpassword={PASSWORD}"


def test_no_argument_has_the_password(service: Path, tmp_path: Path) -> None:
    status, output = make(service, "psql", DATABASE_URL=URL, PATH=fake(tmp_path, "psql", 18))
    assert (status, PASSWORD in output) == (0, False), output
    (address,) = re.findall(r"postgresql://\S+", (tmp_path / "arguments").read_text())
    assert address == (
        "postgresql://?sslmode=require&host=%3A%3A1%2Cdb.invalid&port=5433%2C5432&user=ann%40home&dbname=shop"
    )
    assert (tmp_path / "password").read_text() == f"{PASSWORD}\n"


@pytest.mark.parametrize(("version", "installed"), [(99, True), (9, False)])
def test_an_installed_pg_dump_that_is_too_old_is_not_used(
    service: Path, seeded: str, tmp_path: Path, version: int, installed: bool
) -> None:
    """The one that is installed here fails, and then no file is left."""
    file = tmp_path / "shop.dump"
    path = fake(tmp_path, "pg_dump", version, status=1)
    status, output = execute(service, *SCRIPT, "dump", str(file), DATABASE_URL=seeded, PATH=path)
    assert status == (1 if installed else 0), output
    assert (tmp_path / "arguments").exists() == installed
    assert [each.suffix for each in tmp_path.glob("shop*")] == ([] if installed else [".dump"])


def shell(service: Path, url: str, *lines: str, **environment: str) -> str:
    """What a person sees who types these lines into `make shell`."""
    typed = "".join(f"{line}\n" for line in lines)
    return run(
        service, "sh", "-c", 'printf %s "$TYPED" | make --silent shell', DATABASE_URL=url, TYPED=typed, **environment
    )


def test_the_shell_awaits_and_commits_only_what_it_is_told_to(service: Path, seeded: str) -> None:
    output = shell(
        service,
        seeded,
        "(await books.get(1)).title",
        "await books.get(99)",
        "db.add(Author(name='Anna'))",
        "await db.commit()",
        "await authors.add(Author(name='Bert')) and len(await AuthorRepository(db).all(select(Author)))",
    )
    assert "Author, AuthorRepository, Book, BookRepository, authors, books, db, " in output
    assert ">>> 'The Left Hand of Darkness'\n" in output
    assert "NotFoundError: Book 99 does not exist." in output
    assert output.count("Traceback") == 1
    assert ">>> 4\n" in output
    assert rows(seeded, "SELECT name FROM authors ORDER BY id")[2:] == [("Anna",)]


IPYTHON = """
import sys
def start_ipython(argv, user_ns, config):
    async def count(): return len((await user_ns["db"].scalars(user_ns["select"](user_ns["Book"]))).all())
    print("IPython counts", config["InteractiveShell"]["loop_runner"](count()))
"""


def test_ipython_is_the_prompt_where_it_is_installed(service: Path, seeded: str, tmp_path: Path) -> None:
    (tmp_path / "IPython.py").write_text(IPYTHON)
    (tmp_path / "traitlets").mkdir()
    (tmp_path / "traitlets" / "config.py").write_text("Config = dict\n")
    path = f"{service / 'src'}:{service}:{tmp_path}"
    assert "IPython counts 3\n" in shell(service, seeded, PYTHONPATH=path)


def test_routes(service: Path) -> None:
    lines = make(service, "routes")[1].splitlines()
    assert lines[0].split() == ["METHOD", "PATH", "SESSION"]
    routes = [line.split(maxsplit=2) for line in lines[1:]]
    assert ["GET", "/livez", "-"] in routes
    assert ["GET", "/readyz", "its own"] in routes
    assert ["PATCH", "/books/{book_id}", "write"] in routes
    assert ["GET", "/books/{book_id}", "read"] in routes
    assert len(routes) == 12


def test_routes_name_who_may_call_them(render: Render) -> None:
    service = render(auth="api_keys")
    lines = [line.split() for line in run(service, "python", "-m", "scripts.api", "routes").splitlines()]
    assert lines[0] == ["METHOD", "PATH", "SESSION", "CALLER"]
    assert ["GET", "/livez", "-", "public"] in lines
    assert ["POST", "/books", "write", "any"] in lines
    assert ["POST", "/api-keys", "write", "api_keys:manage"] in lines


def test_a_changed_api_is_seen(service: Path) -> None:
    status, output = make(service, "--dry-run", "check")
    assert (status, "scripts.api" in output) == (0, False)
    status, output = make(service, "openapi", DATABASE_URL="bad")  # it needs no settings
    assert status == 0, output
    status, output = make(service, "--dry-run", "check")
    (check,) = [line for line in output.splitlines() if "scripts.api" in line]
    assert execute(service, "sh", "-c", check) == (0, "")
    schemas = package(service) / "books" / "schemas.py"
    before = schemas.read_text()
    replace(schemas, "max_length=200", "max_length=100")
    status, output = execute(service, "sh", "-c", check)
    assert status == 1
    assert re.search(r'^-\s+"maxLength": 200,?$', output, re.MULTILINE)
    assert "make openapi" in output
    schemas.write_text(before)
    (service / "openapi.json").unlink()


def test_coverage_follows_sqlalchemy(service: Path, postgres: str) -> None:
    """Without `concurrency`, lines that run in a greenlet are missing."""
    only = {"PYTEST_ADDOPTS": "-p no:cacheprovider -k test_a_request_commits", "TEST_DATABASE_URL": postgres}
    status, output = make(service, "coverage", **only)
    assert status == 0, output
    assert re.search(r"^src/my_service/database/connection_quota\.py .* ([\d-]+, )*[\d-]+$", output, re.MULTILINE)


PLANS = """
import pytest

@pytest.mark.postgres
async def test_plans(client, plans):
    await client.post("/authors", json={"name": "Anna"})
    await client.get("/books/1")
    assert len(plans) == 2
    assert "Insert on authors" in plans[0]
    assert "Index Scan using pk_books on books" in plans[1]
"""


def test_plans_of_a_request(service: Path, postgres: str) -> None:
    file = service / "tests" / "test_plans.py"
    file.write_text(PLANS)
    command = ("pytest", "-p", "no:cacheprovider", "-s", str(file), "--database=postgres")
    output = run(service, *command, TEST_DATABASE_URL=postgres)
    file.unlink()
    assert "\nSELECT books.id, " in output
