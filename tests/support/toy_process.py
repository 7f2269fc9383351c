"""The toy server."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.http_client import open_http
from tests.support.paths import ROOT
from tests.support.servers.ports import find_free_port
from tests.support.waiting import LIMIT_S, eventually


@dataclass(frozen=True, slots=True)
class ToyServer:
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def impatient_url(self) -> str:
        """The same, where a socket without a `connection_init` is closed after half a second."""
        return f"ws://127.0.0.1:{self.port}/impatient"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    async def status(self) -> list[int]:
        async with open_http() as client:
            response = await client.get(f"http://127.0.0.1:{self.port}/status")
        return [int(number) for number in response.text.split()]

    async def wait_for(self, position: int, wanted: int) -> None:
        """Wait until one of the numbers of `/status` is what it shall be."""

        async def is_so() -> bool:
            return (await self.status())[position] == wanted

        await eventually(is_so)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyServer]:
    port = find_free_port()
    log_file = tmp_path_factory.mktemp("toy") / "log.txt"
    with log_file.open("w") as log:
        command = [sys.executable, "-m", "tests.support.toy_schema", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    server = ToyServer(port, log_file)
    try:
        asyncio.run(_wait_until_up(server, process))
        yield server
    finally:
        process.terminate()
        process.wait(LIMIT_S)


async def _wait_until_up(server: ToyServer, process: subprocess.Popen[bytes]) -> None:
    async def is_up() -> bool:
        assert process.poll() is None, server.log
        return bool(await server.status())

    await eventually(is_up, ignoring=(httpx.TransportError,))


@pytest.fixture
async def client(toy: ToyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(f"http://127.0.0.1:{toy.port}") as client:
        yield client


@pytest.fixture
def traceback_free(toy: ToyServer) -> Iterator[None]:
    """Fails the test if the server wrote a traceback meanwhile."""
    before = len(toy.log)
    yield
    assert "Traceback" not in toy.log[before:]
