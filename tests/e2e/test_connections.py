"""Connections that hold a place for nothing, and heads that are too large."""

import asyncio
import time
from urllib.parse import urlsplit

import httpx
import pytest
import websockets
from websockets.exceptions import InvalidStatus

from app.connections.http import MAX_HEAD_BYTES
from tests.support.client import PROTOCOL, UNHURRIED
from tests.support.site import Site
from tests.support.site_logs import faults_of
from tests.support.waiting import LIMIT_S, in_time

pytestmark = pytest.mark.parametrize("site", ["sqlite+directory"], indirect=True)


async def connect(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    target = urlsplit(site.base_url)
    return await asyncio.open_connection(target.hostname, target.port)


@pytest.mark.parametrize("beginning", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_closes_the_connection(site: Site, beginning: bytes) -> None:
    began_at = time.monotonic()
    reader, writer = await connect(site)

    writer.write(beginning)
    answer = await in_time(reader.read())

    assert answer == b""
    # Not before its time.
    assert time.monotonic() - began_at > float(site.environment["SAFELIGHT_HEAD_TIMEOUT_S"]) - 0.1
    writer.close()


async def test_the_head_of_a_second_request_is_timed_too(site: Site) -> None:
    reader, writer = await connect(site)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"}")

    writer.write(b"GET /healthz HTTP/1.1\r\n")
    rest = await in_time(reader.read())

    assert rest == b""
    writer.close()


@pytest.mark.parametrize("header_bytes", [MAX_HEAD_BYTES + 1, 200_000])
def test_a_head_that_is_too_large_is_refused(site: Site, header_bytes: int) -> None:
    answer = httpx.get(f"{site.base_url}/healthz", headers={"X-Long": "x" * header_bytes}, timeout=LIMIT_S)

    assert answer.status_code == 431


def test_a_large_body_is_no_head(site: Site) -> None:
    answer = httpx.put(f"{site.base_url}/upload/x", content=b"x" * 200_000, timeout=LIMIT_S)

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/upload/x", "/f/x/webp/small.webp", "/i/x", "/graphql/", "/v1/images"]
)
async def test_a_websocket_opens_at_the_graphql_address_alone(site: Site, path: str) -> None:
    address = site.base_url.replace("http", "ws", 1) + path

    with pytest.raises(InvalidStatus) as refusal:
        await websockets.connect(address, subprotocols=[PROTOCOL], **UNHURRIED)

    assert refusal.value.response.status_code == 403
    assert faults_of(site) == []
