"""What `kubectl kustomize` makes of a folder, as far as the manifests use it: `python -m testkit.kustomize FOLDER`.

No registry has kustomize, and Debian's is too old to read a folder of resources. Where kubectl is installed, a test
compares the two.
"""

import sys
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]


def build(folder: Path) -> list[Resource]:
    settings = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = settings.keys() - {
        *("apiVersion", "kind", "resources", "namespace", "images", "configMapGenerator", "patches")
    }
    assert not unknown, unknown
    resources: list[Resource] = []
    for name in settings["resources"]:
        path = folder / name
        resources += build(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
    for each in settings.get("configMapGenerator", []):
        data = dict(literal.split("=", 1) for literal in each["literals"])
        resources.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": each["name"]}, "data": data})
    for patch in settings.get("patches", []):
        (target,) = (resource for resource in resources if matches(resource, **patch["target"]))
        for operation in yaml.safe_load(patch["patch"]):
            replace(target, **operation)
    for resource in resources:
        if "namespace" in settings:
            resource["metadata"]["namespace"] = settings["namespace"]
        for image in settings.get("images", []):
            for container in resource.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
                if container["image"] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
    return resources


def matches(resource: Resource, kind: str, name: str) -> bool:
    return (resource["kind"], resource["metadata"]["name"]) == (kind, name)


def replace(resource: Resource, op: str, path: str, value: Any) -> None:
    assert op == "replace"
    *parents, last = path.strip("/").split("/")
    for name in parents:
        resource = resource[name]
    assert last in resource
    resource[last] = value


if __name__ == "__main__":
    print(yaml.safe_dump_all(build(Path(sys.argv[1]))))
