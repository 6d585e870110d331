"""HAProxy in front of several processes of a service, which follows their /readyz as Kubernetes does."""

import csv
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .requirements import missing
from .service import free_port, wait_for_output

CONFIGURATION = """
global
    stats socket {folder}/stats
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout check {timeout}s
    # Clients see every failure: Kubernetes repeats no request, either.
    retries 0
frontend service
    bind 127.0.0.1:{port}
    default_backend pods
backend pods
    balance roundrobin
    option httpchk GET /readyz
    default-server check inter {period}s fall {failures} rise 1
"""


@dataclass
class LoadBalancer:
    url: str
    stats: Path

    def ready(self) -> set[int]:
        """The ports that get requests."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.stats))
            client.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        rows = csv.DictReader(answer.removeprefix("# ").splitlines())
        return {int(row["svname"]) for row in rows if row["svname"].isdigit() and row["status"].startswith("UP")}


@contextmanager
def haproxy(ports: list[int], probe: dict[str, Any], folder: Path) -> Iterator[LoadBalancer]:
    """Balance over these ports, as far as the readiness probe of a manifest succeeds there."""
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        missing("There is no haproxy here. On Debian: apt-get install haproxy")
    values = {
        "folder": folder,
        "port": free_port(),
        "timeout": probe["timeoutSeconds"],
        "period": probe["periodSeconds"],
        "failures": probe["failureThreshold"],
    }
    servers = "".join(f"    server {port} 127.0.0.1:{port}\n" for port in ports)
    (folder / "haproxy.cfg").write_text(CONFIGURATION.format(**values) + servers)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-W", "-db", "-f", folder / "haproxy.cfg"], stdout=log, stderr=log)
    try:
        wait_for_output(process, folder / "log", "Loading success")
        yield LoadBalancer(f"http://127.0.0.1:{values['port']}", folder / "stats")
    finally:
        process.terminate()
        process.wait(30)
