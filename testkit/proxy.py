"""nginx in front of a service, with the configuration of docs/nginx.conf."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

from .projects import ROOT
from .requirements import missing

# Where nginx connects from, and the only address that the service is to trust.
ADDRESS = "127.0.0.2"
# Of the timeouts in the file, in seconds.
TIMEOUT = 1

MAIN = """
daemon off;
worker_processes 1;
error_log stderr;
pid nginx.pid;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path other;
    uwsgi_temp_path other;
    scgi_temp_path other;
    proxy_bind {address};
    {server}
}}
"""


@contextmanager
def nginx(service: str, folder: Path) -> Iterator[int]:
    """The port on which nginx serves HTTPS for the service at this URL."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        missing("There is no nginx here. On Debian: apt-get install nginx")
    certificate = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost"
    subprocess.run(
        ["openssl", *certificate.split(), "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=folder,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server = (ROOT / "docs" / "nginx.conf").read_text()
    for old, new in {
        "127.0.0.1:8000": urlsplit(service).netloc,
        "listen 443": f"listen 127.0.0.1:{port}",
        "_timeout 10s": f"_timeout {TIMEOUT}s",
    }.items():
        assert old in server
        server = server.replace(old, new)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user, address=ADDRESS, server=server))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "-p", folder, "-e", "stderr", "-c", "nginx.conf"], stderr=log)
    try:
        deadline = monotonic() + 30
        while not listens(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert monotonic() < deadline, (folder / "log").read_text()
            sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
