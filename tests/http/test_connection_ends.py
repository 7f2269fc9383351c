"""Where one request ends and the next begins, and when a connection without either is closed; over real sockets."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.connections.http import HEAD_TIMEOUT_S, BoundedHttpProtocol
from app.connections.sockets import LightSocketProtocol
from tests.support.waiting import in_time

KEEP_ALIVE_S = 30
SOCKET = (
    b"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
LENGTH = b"Content-Length: 36\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def get(path: str, lines: bytes = b"") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path.encode(), lines)


def upgrade(path: str, protocol: bytes, lines: bytes = b"") -> bytes:
    return get(path, b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\n%s" % (protocol, lines))


@dataclass
class Toy:
    """Answers with the path: /kept from memory, /read after the body, /slow when told, all else at once."""

    asked: list[str] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def answer_at_once(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        if scope["path"] != "/kept":
            return None
        self.asked.append("/kept from memory")
        return 200, b"content-length: 5\r\n", b"/kept"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        if scope["path"] == "/slow":
            await self.may_answer.wait()
        while scope["path"] == "/read" and (await receive()).get("more_body"):
            pass
        body = scope["path"].encode()
        length = b"%d" % len(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Wire:
    """One connection to the toy."""

    toy: Toy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, data: bytes, last: bytes = b"\r\n\r\n") -> bytes:
        """Send, and read up to `last`."""
        self.writer.write(data)
        return await in_time(self.reader.readuntil(last))

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        # A server that closes without reading all resets the connection.
        with contextlib.suppress(ConnectionError):
            return await in_time(self.reader.read())
        return b""

    async def settle(self) -> None:
        """Return when the server has taken what was sent: another connection's question came later."""
        await self.writer.drain()
        other = self.writer.get_extra_info("peername")
        reader, writer = await asyncio.open_connection(*other)
        writer.write(get("/settle"))
        await in_time(reader.readuntil(b"/settle"))
        writer.close()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    toy = Toy()
    config = uvicorn.Config(
        toy,
        ws=LightSocketProtocol,
        ws_ping_interval=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        proxy_headers=False,
        log_config=None,
    )
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    yield Wire(toy, reader, writer)
    writer.close()
    server.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture
async def advance() -> Callable[[float], None]:
    """Move the event loop's clock on."""
    loop = asyncio.get_running_loop()
    real, offset_s = loop.time, 0.0

    def now() -> float:
        return real() + offset_s

    def move(seconds: float) -> None:
        nonlocal offset_s
        offset_s += seconds
        # A loop that sleeps computed for how long by its old clock.
        loop.call_soon(lambda: None)

    loop.time = now  # type: ignore[method-assign]  # the one clock that deadlines are read from
    return move


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED, b"Content-Length: 0036 \r\n"])
@pytest.mark.parametrize("protocol", [b"h2c", b"x", b"websocket", b"h2c, websocket"])
@pytest.mark.parametrize("path", ["/kept", "/plain"])
async def test_a_body_behind_an_upgrade_is_no_second_request(
    wire: Wire, path: str, protocol: bytes, framing: bytes
) -> None:
    answer = await wire.ask(upgrade(path, protocol, framing))
    wire.writer.write(get("/smuggled"))
    rest = await wire.rest()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"HTTP/1.1" not in rest
    assert wire.toy.asked == []


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED])
async def test_a_websocket_with_a_body_is_refused(wire: Wire, framing: bytes) -> None:
    answer = await wire.ask(SOCKET + framing + b"\r\n" + b"hello")
    await wire.rest()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert wire.toy.asked == []


@pytest.mark.parametrize("lines", [b"", b"HTTP2-Settings: AAMAAABk\r\n", b"Content-Length: 0\r\n"])
@pytest.mark.parametrize("path", ["/kept", "/plain"])
async def test_an_upgrade_without_a_body_is_answered_and_ends_the_connection(
    wire: Wire, path: str, lines: bytes
) -> None:
    wire.writer.write(upgrade(path, b"h2c", lines))
    answer = await wire.rest()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(path.encode())


async def test_what_comes_behind_an_upgrade_is_never_read(wire: Wire) -> None:
    wire.writer.write(upgrade("/slow", b"h2c") + get("/plain"))
    await wire.settle()
    wire.writer.write(get("/plain"))
    await wire.settle()
    wire.toy.may_answer.set()
    answer = await wire.rest()

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200"]
    assert "/plain" not in wire.toy.asked


async def test_requests_before_an_upgrade_are_answered_as_ever(wire: Wire) -> None:
    wire.writer.write(get("/slow") + get("/kept") + upgrade("/plain", b"h2c") + get("/plain"))
    await wire.settle()
    wire.toy.may_answer.set()
    answer = await wire.rest()

    assert re.findall(rb"/\w+(?=HTTP|$)", answer) == [b"/slow", b"/kept", b"/plain"]
    assert answer.count(b"connection: close") == 1


@pytest.mark.parametrize("more", [b"\r\n", b"x"], ids=["empty line", "body"])
@pytest.mark.parametrize("framing", [b"Content-Length: 1000000\r\n", CHUNKED])
@pytest.mark.parametrize("path", ["/kept", "/plain"])
async def test_an_answered_connection_is_closed_in_time_whatever_trickles_in(
    wire: Wire, advance: Callable[[float], None], path: str, framing: bytes, more: bytes
) -> None:
    body = b"5\r\nx" if framing == CHUNKED else b"x"
    await wire.ask(get(path, framing if more == b"x" else b""), path.encode())

    wire.writer.write(body if more == b"x" else more)
    await wire.settle()
    advance(HEAD_TIMEOUT_S / 2)
    wire.writer.write(more)
    await wire.settle()
    advance(HEAD_TIMEOUT_S / 2 + 0.5)

    assert await wire.rest() == b""


async def test_a_body_that_comes_whole_after_its_answer_keeps_the_connection(
    wire: Wire, advance: Callable[[float], None]
) -> None:
    await wire.ask(get("/plain", b"Content-Length: 4\r\n"), b"/plain")

    wire.writer.write(b"bo")
    await wire.settle()
    wire.writer.write(b"dy" + get("/slow")[:9])
    await wire.settle()
    wire.writer.write(get("/slow")[9:])
    await wire.settle()
    advance(HEAD_TIMEOUT_S + 1)
    await wire.settle()
    wire.toy.may_answer.set()

    assert (await wire.ask(b"", b"/slow")).startswith(b"HTTP/1.1 200 ")


async def test_a_slow_answer_is_not_timed_by_one_from_memory_before_it(
    wire: Wire, advance: Callable[[float], None]
) -> None:
    await wire.ask(get("/kept") + get("/slow"), b"/kept")
    await wire.settle()
    advance(KEEP_ALIVE_S + 1)
    await wire.settle()
    wire.toy.may_answer.set()

    assert (await wire.ask(b"", b"/slow")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("before", [b"", get("/kept")], ids=["first", "after a request"])
async def test_an_idle_websocket_stays_open(wire: Wire, advance: Callable[[float], None], before: bytes) -> None:
    first = await wire.ask(before + SOCKET + b"\r\n", b"/kept" if before else b"\r\n\r\n")
    answer = await wire.ask(b"") if before else first
    advance(KEEP_ALIVE_S + 1)
    await wire.settle()

    assert b"HTTP/1.1 101 " in answer
    assert not wire.reader.at_eof()


async def test_a_body_that_waits_for_continue_is_taken_and_the_next_request_answered(wire: Wire) -> None:
    head = get("/read", b"Content-Length: 4\r\nExpect: 100-continue\r\n")

    interim = await wire.ask(head)
    first = await wire.ask(b"body", b"/read")
    second = await wire.ask(get("/kept"), b"/kept")

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 200 ")
