"""Connections that cost their client nothing: so many of an address, and descriptors enough for all others."""

import asyncio
import re
import resource
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.descriptors import MAX_DESCRIPTORS
from tests.support.client import Client
from tests.support.fault_sites import MakeSite
from tests.support.pictures import make_jpeg
from tests.support.waiting import LIMIT_S, eventually

MOST = 8
ENVIRONMENT = {
    "SAFELIGHT_HOST": "0.0.0.0",
    "SAFELIGHT_INCOMPLETE_CONNECTIONS": str(MOST),
    "SAFELIGHT_HEAD_TIMEOUT_S": "60",
}


@pytest.fixture
def own_address() -> str:
    """An address of this machine that is no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    return address


async def test_an_address_has_so_many_incomplete_requests_and_any_number_of_others(
    make_plain_site: MakeSite, own_address: str
) -> None:
    site = make_plain_site(environment=ENVIRONMENT).site
    port = urlsplit(site.base_url).port
    url = f"http://{own_address}:{port}"
    content = make_jpeg(200, 150)
    async with AsyncExitStack() as stack, httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as http:
        writers: list[asyncio.StreamWriter] = []

        async def open_silent(beginning: bytes = b"") -> asyncio.StreamReader:
            reader, writer = await asyncio.open_connection(own_address, port)
            # A writer that is collected closes its connection.
            writers.append(writer)
            stack.callback(writer.transport.abort)
            writer.write(beginning)
            return reader

        # Complete ones first: idle connections and acknowledged sockets are not counted.
        idle = [await stack.enter_async_context(httpx.AsyncClient(base_url=url)) for _ in range(MOST + 4)]
        for each in idle:
            assert (await each.get("/healthz")).status_code == 200
        body = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        silent = [await open_silent(b"" if number % 2 else body) for number in range(MOST)]
        refused = [await open_silent() for _ in range(3)]
        for reader in refused:
            async with asyncio.timeout(LIMIT_S):
                assert await reader.read() == b""

        # Those that are open go on, and loopback is not counted.
        assert (await idle[0].get("/healthz")).status_code == 200
        async with site.client() as client:
            await client.wait_complete((await client.upload(content)).image_id)
        assert [reader.at_eof() for reader in silent] == [False] * MOST
    async with httpx.AsyncClient(base_url=url, timeout=LIMIT_S) as http:
        await eventually(lambda: _answers(http), ignoring=(httpx.TransportError,))


async def test_acknowledged_sockets_are_not_counted(make_plain_site: MakeSite, own_address: str) -> None:
    site = make_plain_site(environment=ENVIRONMENT).site
    url = f"http://{own_address}:{urlsplit(site.base_url).port}"
    async with AsyncExitStack() as stack, Client(url, site.key) as client:
        for _ in range(MOST * 2):
            await stack.enter_async_context(client.socket())
        assert (await client.http.get("/healthz")).status_code == 200


async def test_every_process_may_open_as_many_files_as_the_system_allows(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    expected = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    for program in site.programs:
        text = Path(f"/proc/{program.pid}/limits").read_text()
        found = re.search(r"Max open files\s+(\d+)", text)
        assert found is not None
        assert int(found[1]) >= expected


async def test_the_log_says_that_no_descriptor_is_left(make_plain_site: MakeSite) -> None:
    site = make_plain_site().site
    pid = site.apis[0].pid
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def has_logged() -> bool:
        # Others may have been closed since the last look.
        used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
        lowest_free = next(number for number in range(len(used) + 1) if number not in used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, hard))
        return "descriptors_exhausted" in site.apis[0].log

    try:
        await eventually(has_logged)
    finally:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    async with httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as http:
        await eventually(lambda: _answers(http), ignoring=(httpx.TransportError,))


async def _answers(http: httpx.AsyncClient) -> bool:
    return (await http.get("/healthz")).status_code == 200
