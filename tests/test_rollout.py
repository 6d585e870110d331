"""A rollout as deploy/kubernetes describes it, with real processes under load: `make kubernetes`."""

import asyncio
import itertools
import json
import shutil
import subprocess
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx
import pytest

from testkit.haproxy import LoadBalancer, haproxy
from testkit.kustomize import Resource, build
from testkit.projects import ROOT, run
from testkit.rendering import Render, load_devserver, load_module
from testkit.requirements import missing
from testkit.service import Service, free_port, serve, until

pytestmark = pytest.mark.kubernetes

SCHEMAS = "@kubernetes-models/cloudnative-pg@2.0.0"
RECIPE = ROOT / "docs" / "recipes" / "migration_rename.py"
CLIENTS = 8


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    return render(kubernetes=True)


@pytest.fixture(scope="module")
def resources(project: Path) -> list[Resource]:
    return build(project / "deploy" / "kubernetes" / "production")


def validate(resources: list[Resource]) -> list[str]:
    """What the schemas of CloudNativePG say."""
    folder = ROOT / ".cache" / "cloudnative-pg"
    if not shutil.which("npm"):
        missing("There is no npm here. On Debian: apt-get install npm")
    if not (folder / "node_modules").exists():
        run(ROOT, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), SCHEMAS)
    script = shutil.copy(ROOT / "testkit" / "cloudnative_pg.mjs", folder)
    custom = [each for each in resources if each["apiVersion"].startswith("postgresql.cnpg.io/")]
    assert {each["kind"] for each in custom} == {"Cluster", "Pooler"}
    command = ["node", script]
    process = subprocess.run(command, input=json.dumps(custom), check=True, capture_output=True, text=True)
    return process.stdout.splitlines()


def test_the_operator_accepts_its_resources(resources: list[Resource]) -> None:
    assert validate(resources) == []
    wrong = json.loads(json.dumps(resources).replace('"poolMode"', '"poolmode"').replace('"required"', '"requierd"'))
    unknown, invalid = sorted(validate(wrong), key=lambda message: message.startswith("Cluster"))
    assert unknown == "Pooler/spec/pgbouncer/poolmode is unknown"
    assert "/spec/postgresql/synchronous/dataDurability" in invalid


# After the column is there, in a transaction of its own.
FILL = """
    with op.get_context().autocommit_block():
        op.execute("UPDATE authors SET full_name = name WHERE full_name IS NULL")
"""


@pytest.fixture
def releases(project: Path, workspace: Path) -> list[Path]:
    """Three releases. The second renames a column by the recipe's first step, the third drops the old one."""
    expanded, contracted = (Path(mkdtemp(dir=workspace)) / "project" for _ in range(2))
    expand, _, contract = RECIPE.read_text().replace("member", "author").partition("def finish() -> None:\n")
    imports = "import sqlalchemy as sa\nfrom alembic import op\n"
    shutil.copytree(project, expanded)
    models = expanded / "src" / "my_service" / "books" / "models.py"
    before, author, after = models.read_text().partition("name: Mapped[str] = mapped_column(")
    models.write_text(before.replace('"name"', '"full_name"') + f'{author}"full_name", {after}')
    add_migration(expanded, "expand", expand.replace("begin()", "upgrade()").rstrip() + FILL)
    shutil.copytree(expanded, contracted)
    add_migration(contracted, "contract", f"{imports}\ndef upgrade() -> None:\n{contract}")
    return [project, expanded, contracted]


def add_migration(project: Path, name: str, text: str) -> None:
    (versions,) = project.glob("src/*/database/migrations/versions")
    last = max(versions.glob("*.py"))
    revisions = f'revision = "{name}"\ndown_revision = "{load_module(last).revision}"\n'
    (versions / f"2027_01_01_000{len(list(versions.iterdir()))}_{name}.py").write_text(f"{text}\n\n{revisions}")


@dataclass
class Load:
    """Clients that create, change and read authors, one request after the other."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    names: dict[int, str] = field(default_factory=dict)
    """The last name of each author that was acknowledged."""
    ended: bool = False

    async def run(self, client_number: int) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            for number in itertools.takewhile(lambda _: not self.ended, itertools.count()):
                name = f"{client_number}-{number}"
                author = await self.send(client, "POST", "/authors", {"name": name})
                self.names[author["id"]] = name
                await self.send(client, "PATCH", f"/authors/{author['id']}", {"name": f"{name}!"})
                self.names[author["id"]] = f"{name}!"
                read = await self.send(client, "GET", f"/authors/{author['id']}")
                assert read["name"] == f"{name}!"
                await asyncio.sleep(0.02)

    async def send(self, client: httpx.AsyncClient, method: str, path: str, body: object = None) -> Any:
        while True:
            try:
                answer = await client.request(method, path, json=body)
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.is_success:
                return answer.json()


class Pods:
    """What a Deployment does: one more pod than it needs during a rollout, and never one less."""

    def __init__(self, balancer: LoadBalancer, ports: list[int], folder: Path, **environment: str) -> None:
        self.balancer, self.free, self.folder, self.environment = balancer, ports, folder, environment
        self.running: dict[int, Service] = {}
        self.stack = ExitStack()

    async def start(self, release: Path) -> int:
        port = self.free.pop(0)
        start = serve(release, self.folder / f"output-{port}", PORT=str(port), **self.environment)
        self.running[port] = await asyncio.to_thread(self.stack.enter_context, start)
        await until(lambda: self.is_ready({port}), 60)
        return port

    async def is_ready(self, ports: set[int]) -> bool:
        return ports <= self.balancer.ready()

    def kill(self) -> None:
        """At the end, so that nobody waits until they have drained."""
        for service in self.running.values():
            service.process.kill()

    async def is_settled(self) -> bool:
        return self.balancer.ready() == set(self.running)

    async def roll_out(self, release: Path) -> None:
        old = list(self.running)
        for port in old:
            await self.start(release)
            self.running[port].process.terminate()
        for port in old:
            service = self.running.pop(port)
            await asyncio.to_thread(service.process.wait, 60)
            assert "Application shutdown complete." in service.output.read_text()


@pytest.mark.asyncio
async def test_no_request_fails(
    project: Path, releases: list[Path], resources: list[Resource], tmp_path: Path, workspace: Path
) -> None:
    deployment, autoscaler = (
        next(each["spec"] for each in resources if each["kind"] == kind)
        for kind in ("Deployment", "HorizontalPodAutoscaler")
    )
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    container = deployment["template"]["spec"]["containers"][0]
    settings = load_module(project / "scripts" / "manifests.py").environment(resources, container)
    replicas = autoscaler["minReplicas"]
    ports = [free_port() for _ in range(replicas * len(releases))]
    with ExitStack() as stack:
        data = Path(mkdtemp(dir=workspace)) / "data"
        url = stack.enter_context(load_devserver(project).serve(data, database="shop"))
        balancer = stack.enter_context(haproxy(ports, container["readinessProbe"], tmp_path))
        pods = Pods(balancer, list(ports), tmp_path, DATABASE_URL=url, DRAIN_TIME=settings["DRAIN_TIME"])
        stack.enter_context(pods.stack)
        stack.callback(pods.kill)
        run(releases[0], "alembic", "upgrade", "head", DATABASE_URL=url)
        for _ in range(replicas):
            await pods.start(releases[0])
        await until(pods.is_settled, 60)
        load = Load(balancer.url)
        clients = [asyncio.create_task(load.run(number)) for number in range(CLIENTS)]
        served: list[int] = []
        for release in releases[1:]:
            await asyncio.to_thread(run, release, "alembic", "upgrade", "head", DATABASE_URL=url)
            await pods.roll_out(release)
            served.append(sum(load.answers.values()))
        load.ended = True
        await asyncio.gather(*clients)
        print(f"{dict(load.answers)}, after each rollout: {served}")
        assert set(load.answers) == {"200", "201"}
        requests = [(tmp_path / f"output-{port}").read_text().count("PATCH /authors/") for port in ports]
        assert all(requests), requests
        async with httpx.AsyncClient(base_url=balancer.url) as reader:
            for key in list(load.names)[::20]:
                assert (await reader.get(f"/authors/{key}")).json()["name"] == load.names[key]
