"""Three nodes of Patroni, each in a network namespace of its own, with etcd, and HAProxy in front."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from .network import SUDO, inside, privileged
from .service import free_port

PROGRAMS = ("patroni", "etcd", "haproxy", "setpriv", "ip")
PACKAGES = "patroni etcd-server haproxy postgresql iproute2"
# The last of the addresses that are reserved for such tests (RFC 2544).
GATEWAY, NETWORK = "198.19.255.1", "198.19.255.0/24"
BRIDGE = "failover"
LEADER = ("master", "primary")  # before and since Patroni 4
TTL = 20  # the least that Patroni accepts
HAPROXY = """
defaults
    mode tcp
    timeout connect 1s
    timeout check 500ms
    timeout client 1h
    timeout server 1h
listen primary
    bind 127.0.0.1:{port}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def find_missing() -> str | None:
    """A sentence that says what is missing, or None."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    if missing := [each for each in PROGRAMS if shutil.which(each, path=path) is None]:
        return f"There is no {' and no '.join(missing)} here. On Debian: apt-get install {PACKAGES}"
    if not [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]:
        return "There is no PostgreSQL in /usr/lib/postgresql. On Debian: apt-get install postgresql"
    if subprocess.run([*SUDO, "true"], capture_output=True).returncode:
        return "Network namespaces need root, or sudo without password."
    return None


@dataclass
class Node:
    name: str
    address: str
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}:5432/postgres?sslmode=disable"

    def ask(self, path: str, body: dict[str, str] | None = None) -> Any:
        """The answer of Patroni on this node, or None if there is none."""
        data = json.dumps(body).encode() if body else None
        try:
            with urlopen(Request(f"http://{self.address}:8008{path}", data=data), timeout=5) as answer:
                text = answer.read()
        except HTTPError as error:
            text = error.read()
        except OSError:  # URLError, too
            return None
        return json.loads(text) if text.startswith(b"{") else text.decode()

    def start(self) -> None:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "patroni"]
        with (self.folder / "patroni.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*SUDO, "ip", "netns", "exec", self.name, *command, str(self.folder / "patroni.json")],
                cwd="/",
                stdout=log,
                stderr=log,
            )

    def pids(self) -> list[str]:
        """All processes of the node."""
        return subprocess.run(
            [*SUDO, "ip", "netns", "pids", self.name], check=True, capture_output=True, text=True
        ).stdout.split()

    def send(self, number: signal.Signals) -> None:
        if pids := self.pids():
            with suppress(subprocess.CalledProcessError):  # one of them has ended by itself
                privileged("kill", f"-{int(number)}", *pids)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(30)

    def promotions(self) -> list[float]:
        """When it began to accept writes, in seconds since 1970."""
        text = (self.folder / "patroni.log").read_text(errors="replace")
        return [float(each) for each in re.findall(r"(?m)^([\d.]+) LOG:  database system is ready to accept", text)]


@dataclass
class Cluster:
    nodes: list[Node]
    port: int
    kinds: set[str]
    """The states of its standbys, such as `sync`."""

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    @property
    def url_of_hosts(self) -> str:
        hosts = ",".join(f"{node.address}:5432" for node in self.nodes)
        return f"postgresql://postgres@{hosts}/postgres?sslmode=disable&target_session_attrs=read-write"

    def statuses(self) -> list[Any]:
        """What Patroni on each node says of its own server. The list of members may be as old as its last loop."""
        return [answer for node in self.nodes if (answer := node.ask("/patroni"))]

    def leader(self) -> Node:
        (leader,) = [node for node in self.nodes if (node.ask("/patroni") or {}).get("role") in LEADER]
        return leader

    def is_complete(self) -> bool:
        """Whether two standbys follow the only leader."""
        statuses = self.statuses()
        leaders = [each for each in statuses if each["role"] in LEADER]
        if len(statuses) != 3 or len(leaders) != 1:
            return False
        followers = leaders[0].get("replication", [])
        kinds = {each["sync_state"] for each in followers}
        return len(followers) == 2 and {each["state"] for each in followers} == {"streaming"} and kinds == self.kinds

    def wait(self, seconds: float = 120) -> None:
        deadline = monotonic() + seconds
        while not self.is_complete():
            if monotonic() > deadline:
                logs = "".join((node.folder / "patroni.log").read_text()[-2000:] for node in self.nodes)
                raise RuntimeError(f"{logs}The cluster is not complete: {self.statuses()}")
            sleep(0.5)


@contextmanager
def cluster(synchronous: bool) -> Iterator[Cluster]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="failover-")))
        folder.chmod(0o755)
        privileged("ip", "link", "add", BRIDGE, "type", "bridge")
        stack.callback(privileged, "ip", "link", "delete", BRIDGE)
        privileged("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        privileged("ip", "link", "set", BRIDGE, "up")
        etcd = f"http://{GATEWAY}:2379"
        store = ("--data-dir", str(folder / "etcd"), "--listen-peer-urls", f"http://{GATEWAY}:2380")
        urls = ("--listen-client-urls", etcd, "--advertise-client-urls", etcd)
        stack.enter_context(running(folder, "etcd", *store, *urls))
        nodes = [stack.enter_context(node(folder, number, synchronous)) for number in (1, 2, 3)]
        for each in nodes:
            each.start()
        port = free_port()
        servers = "\n".join(f"    server {each.name} {each.address}:5432 check port 8008" for each in nodes)
        (folder / "haproxy.cfg").write_text(HAPROXY.format(port=port, servers=servers))
        stack.enter_context(running(folder, "haproxy", "-f", str(folder / "haproxy.cfg")))
        result = Cluster(nodes, port, {"sync", "async"} if synchronous else {"async"})
        result.wait()
        yield result


@contextmanager
def running(folder: Path, program: str, *arguments: str) -> Iterator[None]:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen([found, *arguments], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def node(parent: Path, number: int, synchronous: bool) -> Iterator[Node]:
    name, address = f"{BRIDGE}{number}", f"198.19.255.{10 + number}"
    folder = parent / name
    folder.mkdir()
    privileged("chown", "postgres", str(folder))
    file = folder / "patroni.json"
    with ExitStack() as stack:
        privileged("ip", "netns", "add", name)
        stack.callback(privileged, "ip", "netns", "delete", name)
        privileged("ip", "link", "add", name, "type", "veth", "peer", "name", "inner", "netns", name)
        privileged("ip", "link", "set", name, "master", BRIDGE, "up")
        inside(name, "ip", "address", "add", f"{address}/24", "dev", "inner")
        for device in ("inner", "lo"):
            inside(name, "ip", "link", "set", device, "up")
        (parent / f"{name}.json").write_text(json.dumps(configuration(name, address, folder, synchronous)))
        privileged("mv", str(parent / f"{name}.json"), str(file))
        privileged("chown", "postgres", str(file))
        result = Node(name, address, folder)
        try:
            yield result
        finally:
            result.send(signal.SIGCONT)
            result.kill()


def configuration(name: str, address: str, folder: Path, synchronous: bool) -> dict[str, Any]:
    (*_, programs) = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    hba = [f"host {database} all {NETWORK} trust" for database in ("all", "replication")]
    parameters = {
        "logging_collector": "off",
        "log_line_prefix": "%n ",
        "max_connections": 100,
    }
    return {
        "scope": "shop",
        "name": name,
        "restapi": {"listen": f"{address}:8008", "connect_address": f"{address}:8008"},
        "etcd3": {"hosts": f"{GATEWAY}:2379"},
        "bootstrap": {
            "dcs": {
                "ttl": TTL,
                "loop_wait": 2,
                "retry_timeout": 3,
                "synchronous_mode": synchronous,
                "postgresql": {"use_pg_rewind": True, "parameters": parameters},
            },
            "initdb": [{"encoding": "UTF8"}, "data-checksums", {"auth": "trust"}],
        },
        "postgresql": {
            "listen": f"{address}:5432",
            "connect_address": f"{address}:5432",
            "data_dir": str(folder / "data"),
            "bin_dir": str(programs),
            "pgpass": str(folder / "pgpass"),
            "parameters": {"unix_socket_directories": str(folder)},
            "pg_hba": [*hba, "local all all trust"],
            "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "postgres"}},
        },
    }
