"""Check what Kustomize built, without a cluster: `make manifests`.

Every resource must match the schema of Kubernetes, strictly; a stopping pod must have the time that it needs; and the
connections of all pods must fit into the pooler and the server. The schemas of custom resources are in the cluster:
`kubectl apply --dry-run=server` checks those.
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["kubernetes-validate>=1.37", "pyyaml>=6"]
# ///

import math
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import yaml

OPERATOR = "postgresql.cnpg.io/"
# Connections of a server that no pod gets: for migrations, the operator, monitoring and superusers.
RESERVED = 10
# Seconds to close the pool and export telemetry.
CLOSING = 10

Resource = dict[str, Any]


def invalid(resources: list[Resource], version: str) -> Iterator[str]:
    for resource in resources:
        if not resource["apiVersion"].startswith(OPERATOR):
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{title(resource)} is not valid at {'.'.join(map(str, error.path)) or 'its root'}: {error.message}."
            except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.VersionNotSupportedError) as error:
                yield f"{title(resource)} cannot be checked: {error.message}."


def title(resource: Resource) -> str:
    return f"{resource['kind']}/{resource['metadata']['name']}"


def by_name(resources: list[Resource], kind: str) -> dict[str, Resource]:
    return {each["metadata"]["name"]: each["spec"] for each in resources if each["kind"] == kind}


def environment(resources: list[Resource], container: Resource) -> dict[str, str]:
    """The variables of a container, without those that come from secrets."""
    maps = {each["metadata"]["name"]: each.get("data", {}) for each in resources if each["kind"] == "ConfigMap"}
    values: dict[str, str] = {}
    for source in container.get("envFrom", []):
        values |= maps.get(source.get("configMapRef", {}).get("name"), {})
    return values | {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


def too_short(resources: list[Resource]) -> Iterator[str]:
    pod = by_name(resources, "Deployment")["service"]["template"]["spec"]
    settings = environment(resources, pod["containers"][0])
    needed = int(settings.get("DRAIN_TIME", 5)) + int(settings.get("GRACEFUL_TIMEOUT", 20)) + CLOSING
    allowed = pod.get("terminationGracePeriodSeconds", 30)
    if allowed < needed:
        yield (
            f"A pod needs up to {needed} s to stop (DRAIN_TIME + GRACEFUL_TIMEOUT + {CLOSING}), and is killed after"
            f" {allowed} s: set terminationGracePeriodSeconds to {needed} or more."
        )


def too_many(resources: list[Resource]) -> Iterator[str]:
    """Compare the connections of all pods with the poolers, and what then reaches a server with its maximum."""
    deployment, clusters = by_name(resources, "Deployment")["service"], by_name(resources, "Cluster")
    settings = environment(resources, deployment["template"]["spec"]["containers"][0])
    maximum = by_name(resources, "HorizontalPodAutoscaler")["service"]["maxReplicas"]
    surge = pods_of(deployment["strategy"]["rollingUpdate"].get("maxSurge", "25%"), maximum)
    pods = maximum + surge
    # One more than the pool, for probes.
    per_pod = int(settings.get("WEB_CONCURRENCY", 1)) * (int(settings.get("DATABASE_POOL_SIZE", 10)) + 1)
    urls = [settings[name] for name in ("DATABASE_URL", "DATABASE_READ_URL") if settings.get(name)]
    clients = Counter({host: pods * per_pod * urls_there for host, urls_there in Counter(map(host_of, urls)).items()})
    servers: Counter[tuple[str, str]] = Counter()
    for name, pooler in by_name(resources, "Pooler").items():
        # Compared with one instance, because the others may be down.
        limit = number(pooler["pgbouncer"], "max_client_conn", 100)
        if (needed := clients.pop(name, 0)) > limit:
            yield (
                f"{maximum} pods, and {surge} more in a rollout, open {needed} connections, but {name} accepts {limit}"
                f" (max_client_conn): set maxReplicas to {limit * pods // needed - surge} or less."
            )
        opened = pooler.get("instances", 1) * number(pooler["pgbouncer"], "default_pool_size", 20)
        servers[pooler["cluster"]["name"], pooler.get("type", "rw")] += opened
    for host, needed in clients.items():
        cluster, _, role = host.rpartition("-")
        if cluster in clusters:
            servers[cluster, role] += needed
        else:
            print(f"{pods} pods open {needed} connections to {host}: compare that with its max_connections.")
    for (name, _), needed in servers.items():
        limit = number(clusters[name]["postgresql"], "max_connections", 100) - RESERVED if name in clusters else needed
        if needed > limit:
            yield (
                f"{needed} connections can reach {name}, but it has {limit} (max_connections less {RESERVED}): lower"
                " default_pool_size, or maxReplicas where pods connect without a pooler, or raise max_connections."
            )


def number(owner: Resource, parameter: str, default: int) -> int:
    return int(owner.get("parameters", {}).get(parameter, default))


def pods_of(value: int | str, pods: int) -> int:
    return value if isinstance(value, int) else math.ceil(pods * int(value.rstrip("%")) / 100)


def host_of(url: str) -> str:
    return (urlsplit(url).hostname or "").partition(".")[0]


def find_problems(resources: list[Resource], version: str) -> list[str]:
    return [*invalid(resources, version), *too_short(resources), *too_many(resources)]


def main() -> None:
    resources = [each for each in yaml.safe_load_all(sys.stdin) if each]
    if not resources:
        sys.exit("Kustomize built nothing.")
    version = sys.argv[1] if len(sys.argv) > 1 else kubernetes_validate.latest_version()
    if problems := find_problems(resources, version):
        sys.exit("\n".join(problems))
    print(f"{len(resources)} resources are right for Kubernetes {version}.")


if __name__ == "__main__":
    main()
