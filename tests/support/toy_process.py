"""The toy server."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.paths import ROOT
from tests.support.servers.ports import find_free_port

START_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class ToyServer:
    port: int
    pid: int
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def cpu_s(self) -> float:
        """Processor time the server has used so far, to 10 ms."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    async def status(self) -> list[int]:
        async with httpx.AsyncClient() as client:
            response = await client.get(f"http://127.0.0.1:{self.port}/status")
        return [int(number) for number in response.text.split()]

    async def wait_for(self, position: int, wanted: int) -> None:
        """Wait until one of the numbers of `/status` is what it shall be."""
        async with asyncio.timeout(5):
            while (await self.status())[position] != wanted:  # noqa: ASYNC110 - another process cannot set our Event
                await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyServer]:
    port = find_free_port()
    log_file = tmp_path_factory.mktemp("toy") / "log.txt"
    with log_file.open("w") as log:
        command = [sys.executable, "-m", "tests.support.toy_schema", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    server = ToyServer(port, process.pid, log_file)
    try:
        asyncio.run(_wait_until_up(server, process))
        yield server
    finally:
        process.terminate()
        process.wait(10)


async def _wait_until_up(server: ToyServer, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            assert process.poll() is None, server.log
            try:
                await server.status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.fixture
async def client(toy: ToyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{toy.port}", timeout=10) as client:
        yield client


@pytest.fixture
def traceback_free(toy: ToyServer) -> Iterator[None]:
    """Fails the test if the server wrote a traceback meanwhile."""
    before = len(toy.log)
    yield
    assert "Traceback" not in toy.log[before:]
