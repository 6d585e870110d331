"""A network that can be cut: a namespace of its own, and in it a relay to a server's socket."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from .requirements import missing

PORT = 5432


@dataclass
class Network:
    url: str
    namespace: str

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Take the link down: packets vanish, and no connection is closed."""
        inside(self.namespace, "ip", "link", "set", "inner", "down")
        try:
            yield
        finally:
            inside(self.namespace, "ip", "link", "set", "inner", "up")


@contextmanager
def network(url: str) -> Iterator[Network]:
    """The database of this URL, which names a Unix socket, at an address behind a link. Needs root and iproute2."""
    number = os.getpid() % 2**14
    name = f"testkit{number}"
    # Four addresses for each process, of those that are reserved for such tests (RFC 2544).
    host, server = (f"198.18.{number // 64}.{number % 64 * 4 + offset}" for offset in (1, 2))
    try:
        privileged("ip", "netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        missing("A network to cut needs root, or sudo without password, and iproute2: apt-get install iproute2")
    try:
        privileged("ip", "link", "add", name, "type", "veth", "peer", "name", "inner", "netns", name)
        privileged("ip", "address", "add", f"{host}/30", "dev", name)
        privileged("ip", "link", "set", name, "up")
        inside(name, "ip", "address", "add", f"{server}/30", "dev", "inner")
        inside(name, "ip", "link", "set", "inner", "up")
        database = make_url(url)
        socket = f"{database.query['host']}/.s.PGSQL.{database.query['port']}"
        command = [sys.executable, str(Path(__file__).with_name("relay.py")), server, str(PORT), socket]
        with subprocess.Popen(
            [*SUDO, "ip", "netns", "exec", name, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as relay:
            assert relay.stdin
            assert relay.stdout
            assert relay.stdout.readline() == b"ready\n"
            yield Network(f"postgresql://postgres@{server}:{PORT}/{database.database}?sslmode=disable", name)
            relay.stdin.close()  # ends it
    finally:
        privileged("ip", "netns", "delete", name)


SUDO = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def privileged(*command: str) -> None:
    subprocess.run([*SUDO, *command], check=True, capture_output=True, timeout=30)


def inside(namespace: str, *command: str) -> None:
    privileged("ip", "netns", "exec", namespace, *command)
