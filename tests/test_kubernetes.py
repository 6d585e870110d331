"""deploy/kubernetes without a cluster: what Kustomize builds, what `make manifests` refuses, what the role may do."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType
from typing import Any

import asyncpg
import pytest
import yaml

from testkit.kustomize import Resource, build
from testkit.make import make, use_this_environment
from testkit.projects import ROOT, run, texts
from testkit.rendering import Render, administer, load_devserver, load_module
from testkit.requirements import missing
from testkit.service import initialized

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kubernetes")]

PRODUCTION = "deploy/kubernetes/production"
KUSTOMIZE = f"KUSTOMIZE=env PYTHONPATH={ROOT} .venv/bin/python -m testkit.kustomize"


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    return render(kubernetes=True)


@pytest.fixture(scope="module")
def manifests(project: Path) -> ModuleType:
    module: ModuleType = load_module(project / "scripts" / "manifests.py")
    return module


@pytest.fixture
def resources(project: Path) -> list[Resource]:
    return build(project / PRODUCTION)


def find(resources: list[Resource], kind: str, name: str = "service") -> Any:
    (spec,) = (each["spec"] for each in resources if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return spec


def container(resources: list[Resource]) -> Any:
    return find(resources, "Deployment")["template"]["spec"]["containers"][0]


@pytest.mark.kubernetes
def test_kubectl_builds_the_same(project: Path, resources: list[Resource]) -> None:
    if not shutil.which("kubectl"):
        missing("There is no kubectl here. See https://kubernetes.io/docs/tasks/tools/")
    built = subprocess.run(["kubectl", "kustomize", project / PRODUCTION], check=True, capture_output=True, text=True)
    theirs = yaml.safe_load_all(re.sub(r"settings-\w{10}$", "settings", built.stdout, flags=re.MULTILINE))

    def by_title(resources: list[Resource]) -> dict[str, Resource]:
        return {f"{each['kind']}/{each['metadata']['name']}": each for each in resources}

    assert by_title(list(theirs)) == by_title(resources)


def test_make_manifests(project: Path, workspace: Path) -> None:
    service = Path(mkdtemp(dir=workspace)) / "service"
    shutil.copytree(project, service)
    use_this_environment(service)
    assert make(service, "manifests", KUSTOMIZE) == (0, "11 resources are right for Kubernetes 1.37.0.\n")
    assert (
        make(service, "manifests", "kubernetes=1.33", KUSTOMIZE)[1] == "11 resources are right for Kubernetes 1.33.\n"
    )
    overlay = service / PRODUCTION / "kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("value: 10\n", "value: 60\n"))
    status, output = make(service, "manifests", KUSTOMIZE)
    assert status == 2
    assert output.splitlines()[0] == (
        "60 pods, and 1 more in a rollout, open 671 connections, but pooler accepts 500 (max_client_conn):"
        " set maxReplicas to 44 or less."
    )
    assert "kubectl" in make(service, "manifests", "KUSTOMIZE=no-such-program")[1]


def set_replicas(maximum: int) -> Callable[[list[Resource]], None]:
    return lambda resources: find(resources, "HorizontalPodAutoscaler").update(maxReplicas=maximum)


def set_variable(name: str, value: str) -> Callable[[list[Resource]], None]:
    def change(resources: list[Resource]) -> None:
        container(resources)["env"].append({"name": name, "value": value})

    return change


def set_parameter(name: str, value: str) -> Callable[[list[Resource]], None]:
    return lambda resources: find(resources, "Pooler", "pooler")["pgbouncer"]["parameters"].update({name: value})


def set_surge(value: int | str) -> Callable[[list[Resource]], None]:
    return lambda resources: find(resources, "Deployment")["strategy"]["rollingUpdate"].update(maxSurge=value)


DIRECT = set_variable("DATABASE_URL", "postgresql://app:$(APP_PASSWORD)@postgres-rw.shop.svc:5432/service")
BOTH = set_variable("DATABASE_READ_URL", "postgresql://app:$(APP_PASSWORD)@pooler:5432/service")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([set_replicas(44)], None),
        ([set_replicas(45)], "45 pods, and 1 more in a rollout, open 506 connections, but pooler accepts 500"),
        ([set_replicas(40), set_surge("10%")], None),
        ([set_replicas(40), set_surge("15%")], "40 pods, and 6 more in a rollout, open 506 connections"),
        ([set_replicas(23), BOTH], "open 528 connections"),
        ([set_replicas(24), set_variable("DATABASE_POOL_SIZE", "19")], None),
        ([set_replicas(25), set_variable("DATABASE_POOL_SIZE", "19")], "set maxReplicas to 24 or less"),
        ([set_replicas(22), set_variable("WEB_CONCURRENCY", "2")], "open 506 connections"),
        ([set_parameter("default_pool_size", "45")], None),
        ([set_parameter("default_pool_size", "46")], "92 connections can reach postgres, but it has 90"),
        ([set_replicas(1), DIRECT], "102 connections can reach postgres"),
        ([set_variable("DRAIN_TIME", "15")], None),
        ([set_variable("DRAIN_TIME", "16")], "set terminationGracePeriodSeconds to 46 or more"),
        ([lambda all: container(all).update(image=1)], "Deployment/service is not valid at spec.template.spec"),
        ([lambda all: container(all).update(readonly=True)], "('readonly' was unexpected)"),
    ],
)
def test_what_does_not_fit_is_refused(
    manifests: ModuleType, resources: list[Resource], changes: list[Any], message: str | None
) -> None:
    for change in changes:
        change(resources)
    problems = manifests.find_problems(resources, "1.35")
    assert [message in problem for problem in problems] == [True] * (message is not None)


SETTINGS = """
import json
from my_service.database import startup
from my_service.settings import Settings
from my_service.telemetry import STOP_TIMEOUT

settings = Settings()
print(json.dumps(settings.model_dump() | {"closing": startup.CLOSE_TIMEOUT + STOP_TIMEOUT}, default=str))
"""


@pytest.fixture(scope="module")
def defaults(project: Path) -> Any:
    return json.loads(run(project, "python", "-c", SETTINGS))


def test_the_defaults_and_the_probes_fit_the_settings(
    project: Path, resources: list[Resource], manifests: ModuleType, defaults: Any
) -> None:
    variables = manifests.environment(resources, container(resources))
    settings = json.loads(run(project, "python", "-c", SETTINGS, **variables))
    database = settings["database"]
    assert settings["closing"] == manifests.CLOSING
    stopping = settings["drain_time"] + settings["graceful_timeout"] + manifests.CLOSING
    assert stopping < find(resources, "Deployment")["template"]["spec"]["terminationGracePeriodSeconds"]
    startup, readiness = container(resources)["startupProbe"], container(resources)["readinessProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > 2 * database["startup_timeout"]
    assert readiness["timeoutSeconds"] > database["readiness_timeout"]
    # A load balancer that follows readiness has noticed before the listeners close.
    assert (
        readiness["failureThreshold"] * (readiness["periodSeconds"] + readiness["timeoutSeconds"])
        <= (settings["drain_time"])
    )
    assert find(resources, "Job", "migrate")["activeDeadlineSeconds"] > database["migration_timeout"]
    # The script reads the same defaults where a variable is missing.
    (drain_time,) = re.findall(r" DRAIN_TIME=(\d+)", (project / "Dockerfile").read_text())
    without = deepcopy(resources)
    for each in without:
        each.pop("data", None)
    find(without, "Deployment")["template"]["spec"]["terminationGracePeriodSeconds"] = 0
    (message,) = manifests.too_short(without)
    needed = int(drain_time) + defaults["graceful_timeout"] + manifests.CLOSING
    assert f"set terminationGracePeriodSeconds to {needed} or more" in message
    set_replicas(45)(without)
    (message,) = manifests.too_many(without)
    assert f"open {46 * (defaults['database']['pool_size'] + 1)} connections" in message


def test_a_pod_can_do_as_little_as_possible(resources: list[Resource]) -> None:
    for kind, name in (("Deployment", "service"), ("Job", "migrate")):
        pod = find(resources, kind, name)["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (each,) = pod["containers"]
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each["resources"]["limits"] == {"memory": "512Mi"}
    rollout = find(resources, "Deployment")["strategy"]["rollingUpdate"]
    assert rollout == {"maxSurge": 1, "maxUnavailable": 0}
    assert "replicas" not in find(resources, "Deployment")
    assert "Secret" not in {each["kind"] for each in resources}


def test_the_policies_allow_what_the_pods_connect_to(resources: list[Resource]) -> None:
    def targets(name: str) -> list[Any]:
        rules = find(resources, "NetworkPolicy", name)["egress"]
        return [target["podSelector"]["matchLabels"] for rule in rules for target in rule.get("to", [])]

    dns = {"k8s-app": "kube-dns"}
    assert targets("service") == [dns, {"cnpg.io/poolerName": "pooler"}]
    assert targets("migrate") == [dns, {"cnpg.io/cluster": "postgres"}]
    for name, kind in (("service", "Deployment"), ("migrate", "Job")):
        labels = find(resources, kind, name)["template"]["metadata"]["labels"]
        assert find(resources, "NetworkPolicy", name)["podSelector"]["matchLabels"] == labels


def test_the_role_of_the_service_can_only_read_and_write_rows(
    render: Render, resources: list[Resource], workspace: Path, defaults: Any
) -> None:
    """On a server whose operator has run what the cluster's manifest says, as CloudNativePG does."""
    project = render(kubernetes=True, db_schema="catalog")
    initdb = find(resources, "Cluster", "postgres")["bootstrap"]["initdb"]
    data = Path(mkdtemp(dir=workspace)) / "data"
    with initialized(load_devserver(project), data, "postgres", "secret") as port:

        def url(role: str, database: str = "service") -> str:
            return f"postgresql://{role}:secret@127.0.0.1:{port}/{database}"

        owner = f"CREATE ROLE {initdb['owner']} LOGIN PASSWORD 'secret'"
        database = f"CREATE DATABASE {initdb['database']} OWNER {initdb['owner']}"
        asyncio.run(administer(url("postgres", "postgres"), owner, database))
        asyncio.run(administer(url("postgres"), *initdb["postInitApplicationSQL"], "ALTER ROLE app PASSWORD 'secret'"))
        run(project, "alembic", "upgrade", "head", DATABASE_URL=url(initdb["owner"]))
        asyncio.run(check_rights(url("app")))
        limits = asyncio.run(limits_of(url("app")))
    assert limits == {name: f"{defaults['database'][name]:g}s" for name in limits}
    assert len(limits) == 4


async def check_rights(url: str) -> None:
    app = await asyncpg.connect(url)
    assert await app.fetchval("INSERT INTO catalog.authors (name) VALUES ('Octavia Butler') RETURNING name")
    for statement in (
        "CREATE TABLE catalog.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE service",
        "DROP TABLE catalog.books",
        "TRUNCATE catalog.books",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def limits_of(url: str) -> dict[str, str]:
    app = await asyncpg.connect(url)
    try:
        limits = await app.fetchval("SELECT rolconfig FROM pg_roles WHERE rolname = 'app'")
    finally:
        await app.close()
    return dict(limit.split("=") for limit in limits)


def test_without_an_image_there_are_no_manifests(render: Render) -> None:
    files = texts(render(docker=False, kubernetes=True))
    del files[".copier-answers.yml"]
    assert [file for file, text in files.items() if "kubernetes" in f"{file} {text}".lower()] == []
