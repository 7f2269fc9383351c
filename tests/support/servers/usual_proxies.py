"""Caddy, HAProxy and Traefik with the files of deploy/, as they are but for addresses of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.servers.nginx import listens
from tests.support.servers.ports import find_free_port
from tests.support.servers.programs import Program, find_program, private_directory

DEPLOY = ROOT / "deploy"
_FILES = {"caddy": ["Caddyfile"], "haproxy": ["haproxy.cfg"], "traefik": ["traefik.yml", "traefik-routes.yml"]}
NAMES = tuple(_FILES)


@contextmanager
def run_usual_proxy(name: str, *, api_port: int) -> Iterator[str]:
    """The proxy of this name before the API; gives its address. Skips where this machine has no such program."""
    binary = find_program(name, f"/usr/sbin/{name}")
    if binary is None:
        pytest.skip(f"no {name} on this machine (apt has caddy and haproxy; Traefik is in no package registry)")
    port = find_free_port()
    with private_directory(name) as directory:
        for file_name in _FILES[name]:
            (directory / file_name).write_text(_place(file_name, directory, port, api_port))
        environment = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
        program = Program([binary, *_arguments(name, directory)], directory=directory, env=environment)
        try:
            program.wait_until(lambda: listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            program.kill()


def _place(file_name: str, directory: Path, port: int, api_port: int) -> str:
    text = (DEPLOY / file_name).read_text()
    # Caddy's own address for changes of its configuration would be the same for all tests.
    text = "{\n\tadmin off\n}\n" + text if file_name == "Caddyfile" else text
    for there, here in {
        "127.0.0.1:8000": f"127.0.0.1:{api_port}",
        "bind :8080": f"bind 127.0.0.1:{port}",
        '":8080"': f'"127.0.0.1:{port}"',
        "\n:8080 {": f"\nhttp://127.0.0.1:{port} {{\n\tbind 127.0.0.1",
        "/etc/traefik": str(directory),
    }.items():
        text = text.replace(there, here)
    return text


def _arguments(name: str, directory: Path) -> list[str]:
    return {
        "caddy": ["run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"],
        "haproxy": ["-db", "-f", str(directory / "haproxy.cfg")],
        "traefik": [f"--configfile={directory / 'traefik.yml'}"],
    }[name]
