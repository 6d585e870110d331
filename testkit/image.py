"""Images built from a rendered Dockerfile, without a container engine: buildah, on a base made by debootstrap."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .projects import ROOT

PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MISSING = "The image is built by buildah on a base made by debootstrap, as root: apt install buildah debootstrap"


def is_possible() -> bool:
    return os.geteuid() == 0 and all(map(shutil.which, ("buildah", "debootstrap")))


def base_system() -> Path:
    """A Debian with Python, made once."""
    root = ROOT / ".cache" / "image" / "root"
    if root.exists():
        return root
    new = root.with_name("new")  # renamed when it is complete
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    debootstrap = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(new)]
    subprocess.run(debootstrap, check=True, stdout=subprocess.DEVNULL)
    (new / "usr" / "bin" / "python").symlink_to("python3")
    for marker in new.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    shutil.copy(CERTIFICATES, new / CERTIFICATES.relative_to("/"))
    new.rename(root)
    return root


@dataclass
class Builder:
    """Buildah with its own storage, so that nothing on the machine is touched."""

    folder: Path

    def __call__(self, *arguments: str | Path) -> str:
        process = subprocess.run(self.command(*arguments), env=self.environment(), capture_output=True, text=True)
        assert process.returncode == 0, f"buildah {arguments} ended with {process.returncode}:\n{process.stderr}"
        return process.stdout.strip()

    def command(self, *arguments: str | Path) -> list[str | Path]:
        storage = ("--storage-driver", "vfs", "--root", self.folder / "storage", "--runroot", self.folder / "run")
        return ["buildah", *storage, *arguments]

    def environment(self) -> dict[str, str]:
        return os.environ | {"BUILDAH_ISOLATION": "chroot"}

    def make_base(self, name: str) -> None:
        """A Debian with Python under the name that the Dockerfile asks for. It trusts what this machine trusts."""
        root = base_system()
        container = self("from", "scratch")
        self("add", container, root, "/")
        trusted = ("UV_SYSTEM_CERTS=1", f"PIP_CERT={CERTIFICATES}", f"SSL_CERT_FILE={CERTIFICATES}")
        self("config", *(f"--env={variable}" for variable in trusted), container)
        self("commit", "--rm", container, name)

    def build(self, project: Path, tag: str, *arguments: str) -> None:
        self("bud", "--format=docker", "--pull-never", "--network=host", f"--tag={tag}", *arguments, project)

    def inspect(self, image: str) -> Any:
        return json.loads(self("inspect", "--type=image", image))

    @contextmanager
    def container(self, image: str) -> Iterator[tuple[str, Path]]:
        """A container of the image, and the folder where its root is mounted."""
        container = self("from", "--pull-never", image)
        try:
            yield container, Path(self("mount", container))
        finally:
            self("rm", container)

    def start(self, container: str, output: Path, command: list[str], **environment: str) -> "subprocess.Popen[bytes]":
        variables = [f"--env={name}={value}" for name, value in environment.items()]
        with output.open("wb") as file:
            return subprocess.Popen(
                self.command("run", "--network=host", *variables, container, "--", *command),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
