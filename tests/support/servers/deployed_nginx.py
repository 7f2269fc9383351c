"""The nginx of deploy/, with its configuration as it is but for addresses and folders of this machine."""

import os
from collections.abc import Iterator, Mapping
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


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around nginx on this machine."""

    api_port: int
    objects_dir: Path | None = None
    s3_endpoint: str = "127.0.0.1:9"
    outer_proxies: tuple[str, ...] = ()
    """Addresses for proxies.conf."""
    certificate: tuple[Path, Path] | None = None
    """Chain and key, for tls.conf."""
    tls_port: int = 0
    user_id: int | None = None
    """As which user it runs; default that of the tests."""


@contextmanager
def run_deployed_nginx(
    *, api_port: int, port: int | None = None, objects_dir: Path | None = None, s3_endpoint: str = "127.0.0.1:9"
) -> Iterator[DeployedNginx]:
    """Before the API at `api_port`; sends objects from the directory or the S3 server, as it is told."""
    with run_nginx_of_deploy(Around(api_port, objects_dir, s3_endpoint), port=port) as nginx:
        yield nginx


@contextmanager
def run_nginx_of_deploy(around: Around, *, port: int | None = None) -> Iterator[DeployedNginx]:
    """The same, with what else may stand around it."""
    binary = find_program("nginx", "/usr/sbin/nginx")
    if binary is None:
        refuse("no nginx on this machine")
    port = port or find_free_port()
    with private_directory("deployed-nginx", user_id=around.user_id) as directory:
        (directory / "tls").mkdir()
        _write_files(around, directory, port)
        command = [binary, "-e", "stderr", "-c", str(directory / "nginx.conf")]
        program = Program(command, directory=directory, user_id=around.user_id)
        try:
            pid_path = directory / "nginx.pid"
            # It listens a moment before it writes that.
            program.wait_until(lambda: listens(port) and pid_path.is_file() and pid_path.read_text().strip() != "")
            pid = int(pid_path.read_text())
            yield DeployedNginx(f"http://127.0.0.1:{port}", directory, pid)
        finally:
            program.kill()


def _write_files(around: Around, directory: Path, port: int) -> None:
    places = {
        "nginx.conf": {
            "listen 8080;": f"listen 127.0.0.1:{port};",
            "/etc/nginx/": f"{directory}/",
            f"{directory}/mime.types": "/etc/nginx/mime.types",
            "/var/cache/nginx/": f"{directory}/",
            "/tmp/nginx": f"{directory}/nginx",
            "/dev/stdout": f"{directory}/access.log",
            "worker_processes auto;": f"{_USER} master_process off; daemon off;",
            # What lies beside the tests' files is not nginx's to keep free.
            " min_free=1g": "",
        },
        "safelight.conf": {
            "/etc/nginx/": f"{directory}/",
            "proxy_set_header Host s3:8333;": f"proxy_set_header Host {around.s3_endpoint};",
            "alias /data/objects/;": f"alias {around.objects_dir or directory}/;",
        },
        "upstream.conf": {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{around.api_port};",
            "server 127.0.0.1:8333;": f"server {around.s3_endpoint};",
        },
        "picture_headers.conf": {},
    }
    for name, replaced in places.items():
        (directory / name).write_text(_read(name, replaced))
    named = "".join(f"set_real_ip_from {address};\n" for address in around.outer_proxies)
    (directory / "proxies.conf").write_text(_read("proxies.conf", {}) + named)
    if around.certificate is not None:
        chain, key = around.certificate
        replaced = {
            "listen 8443": f"listen 127.0.0.1:{around.tls_port}",
            "/etc/nginx/tls/fullchain.pem": str(chain),
            "/etc/nginx/tls/privkey.pem": str(key),
            "/etc/nginx/": f"{directory}/",
        }
        (directory / "tls" / "tls.conf").write_text(_read("tls.conf", replaced))


def _read(name: str, replaced: Mapping[str, str]) -> str:
    text = (DEPLOY / name).read_text()
    for there, here in replaced.items():
        assert there in text, (name, there)
        text = text.replace(there, here)
    return text
