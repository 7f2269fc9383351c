"""The nginx of deploy/, with its configuration as it is but for addresses and folders of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.servers.nginx import listens
from tests.support.servers.ports import find_free_port
from tests.support.servers.programs import Program, find_program, private_directory, refuse

DEPLOY = ROOT / "deploy"
# Started by root it would work as nobody, who may not enter a private directory.
_USER = "user root;" if os.geteuid() == 0 else ""


@dataclass(frozen=True, slots=True)
class DeployedNginx:
    """A running nginx; `url` has no slash at its end."""

    url: str
    directory: Path
    pid: int


@contextmanager
def run_deployed_nginx(
    *, api_port: int, port: int | None = None, objects_dir: Path | None = None, s3_endpoint: str = "127.0.0.1:9"
) -> Iterator[DeployedNginx]:
    """Before the API at `api_port`; sends objects from the directory or the S3 server, as it is told."""
    binary = find_program("nginx", "/usr/sbin/nginx")
    if binary is None:
        refuse("no nginx on this machine")
    port = port or find_free_port()
    with private_directory("deployed-nginx") as directory:
        places = {
            "listen 8080;": f"listen 127.0.0.1:{port};",
            "server api:8000;": f"server 127.0.0.1:{api_port};",
            "server s3:8333;": f"server {s3_endpoint};",
            "proxy_set_header Host s3:8333;": f"proxy_set_header Host {s3_endpoint};",
            "alias /data/objects/;": f"alias {objects_dir or directory}/;",
            "include /etc/nginx/picture_headers.conf;": f"include {DEPLOY / 'picture_headers.conf'};",
            "/tmp/nginx": f"{directory}/nginx",
            "/dev/stdout": f"{directory}/access.log",
            "worker_processes auto;": f"{_USER} master_process off; daemon off;",
        }
        text = (DEPLOY / "nginx.conf").read_text()
        for there, here in places.items():
            assert there in text, there
            text = text.replace(there, here)
        (directory / "nginx.conf").write_text(text)
        program = Program([binary, "-e", "stderr", "-c", str(directory / "nginx.conf")], directory=directory)
        try:
            pid_path = directory / "nginx.pid"
            # It listens a moment before it writes that.
            program.wait_until(lambda: listens(port) and pid_path.is_file() and pid_path.read_text().strip() != "")
            pid = int(pid_path.read_text())
            yield DeployedNginx(f"http://127.0.0.1:{port}", directory, pid)
        finally:
            program.kill()
