"""Clients that ask for much and read nothing: the server takes no more than it can answer, and others are served."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.client import PROTOCOL
from tests.support.process_memory import rss_bytes
from tests.support.site import Site
from tests.support.waiting import LIMIT_S, eventually

pytestmark = pytest.mark.parametrize("site", ["sqlite+directory"], indirect=True)

MIB = 1024 * 1024
MOST_GROWTH_BYTES = 20 * MIB
SMALL = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
QUIET_S = 1.0


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    target = urlsplit(site.base_url)
    # A reader that takes little, so that what is not read stays with the server.
    reader, writer = await asyncio.open_connection(target.hostname, target.port, limit=1024)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def send_until_stuck(writer: asyncio.StreamWriter, content: bytes, *, times: int) -> int:
    """Send the same bytes again and again; how often, before nothing was taken for a second."""
    for number in range(times):
        writer.write(content)
        try:
            await asyncio.wait_for(writer.drain(), QUIET_S)
        except TimeoutError:
            return number
    return times


@pytest.fixture
async def api_pid(site: Site) -> int:
    # What the first requests of a process load is none of theirs.
    async with httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as http:
        for _ in range(20):
            assert (await http.get("/healthz")).status_code == 200
    return site.apis[0].pid


async def test_small_requests_that_nobody_reads_the_answers_of_fill_no_memory(site: Site, api_pid: int) -> None:
    before = rss_bytes(api_pid)
    async with connected(site) as (reader, writer), httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as http:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public way

        sent = await send_until_stuck(writer, SMALL * 1000, times=400)

        assert (await http.get("/healthz")).status_code == 200
        assert sent < 400  # pressure came back
        assert rss_bytes(api_pid) - before < MOST_GROWTH_BYTES


@pytest.mark.parametrize(
    "count", [5_000, pytest.param(100_000, marks=pytest.mark.full("more of the same; 5,000 in `make test`"))]
)
async def test_pipelined_requests_cost_little_memory(site: Site, api_pid: int, count: int) -> None:
    before, most = rss_bytes(api_pid), 0
    async with connected(site) as (reader, writer):

        async def send() -> None:
            for _ in range(count // 100):
                writer.write(SMALL * 100)
                await writer.drain()

        sending = asyncio.create_task(send())
        answers, rest = 0, b""
        while answers < count:
            async with asyncio.timeout(LIMIT_S):
                chunk = await reader.read(65_536)
            assert chunk, f"closed after {answers} answers"
            text = rest + chunk
            answers += text.count(b"HTTP/1.1 200")
            rest = text[-11:] if not text.endswith(b"HTTP/1.1 200") else b""
            rest = b"" if b"HTTP/1.1 200" in rest else rest
            most = max(most, rss_bytes(api_pid))
        await sending
    assert most - before < MOST_GROWTH_BYTES


async def test_a_thousand_pipelined_requests_are_answered_in_order(site: Site) -> None:
    paths = [("/healthz", 200), ("/nothing", 404), ("/schema.graphql", 200), ("/upload/x", 405)]
    asked = [paths[(number * number) % len(paths)] for number in range(1000)]
    async with connected(site) as (reader, writer):
        writer.write(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path, _ in asked))
        statuses = []
        for _ in asked:
            async with asyncio.timeout(LIMIT_S):
                head = await _read_head(reader)
                lines = head.decode("latin-1").lower().split("\r\n")
                length = next(int(line.partition(": ")[2]) for line in lines if line.startswith("content-length"))
                await reader.readexactly(length)
            statuses.append(int(head.split(b" ")[1]))

    expected = [status for _, status in asked]
    assert [status == 405 or status for status in statuses] == [status == 405 or status for status in expected]


async def test_pings_of_a_socket_that_reads_nothing_fill_no_memory(site: Site, api_pid: int) -> None:
    async with connected(site) as (reader, writer), httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as http:
        writer.write(_handshake())
        assert b" 101 " in await _read_head(reader)
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public way
        before = rss_bytes(api_pid)

        sent = await send_until_stuck(writer, _frame(0x9, b"x" * 125) * 500, times=2_000)

        assert sent < 2_000
        assert (await http.get("/healthz")).status_code == 200
        assert rss_bytes(api_pid) - before < MOST_GROWTH_BYTES


async def test_messages_sent_at_once_are_all_answered(site: Site) -> None:
    async with connected(site) as (reader, writer):
        writer.write(_handshake())
        assert b" 101 " in await _read_head(reader)
        init = _frame(0x1, b'{"type":"connection_init"}')
        pings = [_frame(0x1, b'{"type":"ping","payload":{"n":%d}}' % number) for number in range(2_000)]

        writer.write(init + b"".join(pings))
        got = b""
        while b'"n":1999' not in got:
            async with asyncio.timeout(LIMIT_S):
                got += await reader.read(65_536)

    assert got.count(b"pong") == 2_000


async def test_a_socket_that_subscribes_without_end_lets_others_have_their_turn(site: Site) -> None:
    messages = []
    for number in range(3_000):
        query = b'{"id":"%d","type":"subscribe","payload":{"query":"{ __typename }"}}' % number
        messages += [_frame(0x1, query), _frame(0x1, b'{"id":"%d","type":"complete"}' % number)]
    async with connected(site) as (reader, writer), httpx.AsyncClient(base_url=site.base_url, timeout=LIMIT_S) as http:
        writer.write(_handshake())
        assert b" 101 " in await _read_head(reader)
        reading = asyncio.create_task(_read_all(reader))
        writer.write(_frame(0x1, b'{"type":"connection_init"}') + b"".join(messages))

        # Answered while the socket's messages are still being taken.
        assert (await http.get("/healthz")).status_code == 200
        assert not reading.done()
        await eventually(lambda: _is_idle(http))
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _is_idle(http: httpx.AsyncClient) -> bool:
    return (await http.get("/healthz")).status_code == 200


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        async with asyncio.timeout(LIMIT_S):
            head += await reader.readexactly(1)
    return head


def _handshake() -> bytes:
    lines = ["GET /graphql HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Protocol: {PROTOCOL}", "", ""]).encode()


def _frame(opcode: int, payload: bytes) -> bytes:
    """A masked frame of a client; RFC 6455, section 5.2."""
    mask = os.urandom(4)
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + struct.pack("!H", length)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([0x80 | opcode]) + size + mask + masked
