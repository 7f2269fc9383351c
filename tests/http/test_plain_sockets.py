"""What clients of few words get: half-closed connections, HTTP/1.0, doubtful hosts, requests that are none."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from tests.support.client import Client
from tests.support.pictures import make_jpeg
from tests.support.raw_http import target_of
from tests.support.waiting import eventually, in_time


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    target = urlsplit(client.base_url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer_to(client: Client, *parts: bytes, is_half_closed: bool = False) -> bytes:
    """All that comes until the server closes."""
    async with connected(client) as (reader, writer):
        writer.write(b"".join(parts))
        if is_half_closed:
            writer.write_eof()
        return await in_time(reader.read())


def request(method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_a_client_that_closes_its_sending_half_gets_its_answers(client: Client) -> None:
    content = make_jpeg(300, 200)
    session = await client.open_session(len(content))
    put = request("PUT", target_of(session.upload_url), content, Authorization=f"Bearer {session.token}")
    query = request("POST", "/graphql", b'{"query": "{ __typename }"}', Content_Type="application/json")
    get = request("GET", "/healthz")

    sent = await answer_to(client, put, is_half_closed=True)
    asked = await answer_to(client, query, is_half_closed=True)
    pipelined = await answer_to(client, get * 30, is_half_closed=True)

    assert sent.startswith(b"HTTP/1.1 201"), sent
    assert b'"__typename":"Query"' in asked
    assert pipelined.count(b"HTTP/1.1 200") == 30
    last = await client.wait_complete(session.image_id)
    assert not any(variant["error"] for variant in last["stableVariants"])


async def test_half_a_body_is_no_upload_and_its_session_stays_open(client: Client) -> None:
    content = make_jpeg(310, 200)
    session = await client.open_session(len(content))
    put = request("PUT", target_of(session.upload_url), content, Authorization=f"Bearer {session.token}")

    assert b" 201 " not in await answer_to(client, put[:-100], is_half_closed=True)

    async def is_taken() -> bool:
        return (await client.send(session, content)).status_code == 201

    # Once the server has noticed.
    await eventually(is_taken)


async def test_event_streams_to_http_1_0_have_no_chunks(client: Client) -> None:
    session = await client.upload(make_jpeg(320, 200))
    await client.wait_complete(session.image_id)
    query = f'subscription {{ stableVariants(imageId: "{session.image_id}") {{ complete }} }}'
    body = json.dumps({"query": query}).encode()
    lines = [
        "POST /graphql HTTP/1.0",
        "Content-Type: application/json",
        "Accept: text/event-stream",
        f"Authorization: Bearer {client.key}",
        f"Content-Length: {len(body)}",
    ]

    answer = await answer_to(client, "\r\n".join([*lines, "", ""]).encode(), body)

    head, _, stream = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    # The stream is what a client of HTTP/1.1 gets, without sizes of chunks in between.
    assert stream.startswith(b":\n\nevent: next\ndata: {"), stream
    assert stream.endswith(b"event: complete\ndata:\n\n") or stream.rstrip().endswith(b"data:"), stream


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", id="twice"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", id="none"),
        pytest.param(b"GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", id="two in HTTP/1.0"),
        pytest.param(b"NONSENSE\r\n\r\n", id="no HTTP"),
    ],
)
async def test_a_request_without_one_host_is_refused(client: Client, lines: bytes) -> None:
    head = (await answer_to(client, lines)).lower()

    assert head.startswith(b"http/1.1 400")
    assert b"\r\nx-content-type-options: nosniff\r\n" in head
    assert b"\r\ncontent-security-policy: default-src 'none'" in head


async def test_http_1_0_needs_no_host(client: Client) -> None:
    assert (await answer_to(client, b"GET /healthz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("GET", path) for path in ("/", "/healthz", "/readyz", "/metrics", "/schema.graphql", "/openapi.json")],
        *[("GET", path) for path in ("/graphql", "/nothing", "/f/x/y", "/i/none", "/oembed", "/images/x/status")],
        *[("OPTIONS", path) for path in ("/graphql", "/upload", "/upload/x", "/f/x", "/healthz")],
        *[("POST", path) for path in ("/graphql", "/healthz", "/api/upload", "/v1/images", "/client/v4/x")],
        *[("PUT", "/upload/x"), ("DELETE", "/nothing"), ("HEAD", "/readyz"), ("PATCH", "/upload/x")],
    ],
)
async def test_every_answer_forbids_sniffing_and_content(client: Client, method: str, path: str) -> None:
    for headers in ({}, {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}):
        answer = await client.http.request(method, path, headers=headers, follow_redirects=False)
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], answer
        assert len(answer.headers.get_list("content-security-policy")) == 1, answer


def masked(opcode: int, payload: bytes) -> bytes:
    """A short WebSocket frame of a client; a mask of zeros leaves the payload as it is."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def answer_pings(client: Client, count: int) -> None:
    """Open an idle WebSocket, and return after so many pings of the server."""
    lines = [
        "GET /graphql HTTP/1.1",
        "Host: x",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: graphql-transport-ws",
    ]
    async with connected(client) as (reader, writer):
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await in_time(reader.readuntil(b"\r\n\r\n"))
        writer.write(masked(0x1, b'{"type":"connection_init"}'))
        while count:
            first, length = await in_time(reader.readexactly(2))
            payload = await in_time(reader.readexactly(length))
            if first == 0x89:
                writer.write(masked(0xA, payload))
                count -= 1


async def read_heartbeats(client: Client, count: int) -> None:
    """Open an idle event stream, and return after so many comments of the server."""
    body = b'{"query": "subscription { library { __typename } }"}'
    headers = {"Content_Type": "application/json", "Accept": "text/event-stream", "X_API_Key": str(client.key)}
    async with connected(client) as (reader, writer):
        writer.write(request("POST", "/graphql", body, **headers))
        for _ in range(count):
            await in_time(reader.readuntil(b":\n\n"))


@pytest.mark.full("the pauses between pings; settings do not shorten them")
async def test_sockets_are_pinged_as_often_as_event_streams(client: Client) -> None:
    # The first comment comes at once.
    pinged, heard = asyncio.create_task(answer_pings(client, 2)), asyncio.create_task(read_heartbeats(client, 3))

    done, _ = await asyncio.wait((pinged, heard), return_when=asyncio.FIRST_COMPLETED)

    assert done == {pinged}
    await pinged
    await heard
