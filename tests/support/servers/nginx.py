"""A private nginx, from the machine, with the configuration that a test gives it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers.ports import find_free_port
from tests.support.servers.programs import Program, find_program, private_directory, refuse

# Everything that nginx would write outside its directory is turned off or moved in.
_FRAME = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {around}
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class NginxServer:
    """A running nginx; `url` has no slash at its end."""

    url: str
    directory: Path


@contextmanager
def run_nginx(server: str, *, around: str = "") -> Iterator[NginxServer]:
    """An nginx with one `server {}`, whose contents (locations, root …) are given, and what stands `around` it.

    It runs as one process.
    """
    program = find_program("nginx", "/usr/sbin/nginx")
    if program is None:
        refuse("no nginx on this machine")
    port = find_free_port()
    with private_directory("nginx") as directory:
        configuration = directory / "nginx.conf"
        configuration.write_text(_FRAME.format(directory=directory, port=port, server=server, around=around))
        command = [program, "-p", str(directory), "-e", "stderr", "-c", str(configuration)]
        running = Program(command, directory=directory)
        running.wait_until(lambda: listens(port))
        try:
            yield NginxServer(url=f"http://127.0.0.1:{port}", directory=directory)
        finally:
            running.kill()


@pytest.fixture
def private_nginx() -> Iterator[Callable[[str], NginxServer]]:
    """Start an nginx for this test alone: call it with the contents of its `server {}`."""
    with ExitStack() as servers:
        yield lambda server: servers.enter_context(run_nginx(server))


def listens(port: int) -> bool:
    """Does anything take connections on this port?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
