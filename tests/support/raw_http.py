"""HTTP/1.1 by hand, for what no well-behaved client sends: half a body, a lie about its length, odd request targets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.waiting import LIMIT_S


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:  # Any: whatever the server said
        """The body as JSON."""
        return dict(json.loads(self.body))

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["code"])


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(b"".join(parts))
        await self._writer.drain()

    async def send_head(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        """Send a request's first line and headers."""
        lines = [f"{method} {target} HTTP/1.1", "Host: test", *(f"{name}: {value}" for name, value in headers.items())]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def send_chunk(self, content: bytes) -> None:
        """Send one chunk of a chunked body; an empty one ends it."""
        await self.send(f"{len(content):x}\r\n".encode(), content, b"\r\n")

    async def read_answer(self, *, has_body: bool = True) -> Answer:
        """The answer, whole."""
        async with asyncio.timeout(LIMIT_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(": ") for line in lines if line)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await self._reader.readexactly(int(headers.get("content-length", "0"))) if has_body else b""
        return Answer(int(first.split(" ")[1]), headers, body)

    async def read(self, count: int) -> bytes:
        """The next bytes, and no more of them."""
        async with asyncio.timeout(LIMIT_S):
            return await self._reader.readexactly(count)

    def break_off(self) -> None:
        """Vanish without a word."""
        self._writer.transport.abort()


@asynccontextmanager
async def open_wire(url: str) -> AsyncIterator[Wire]:
    """A connection to the server of this address."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def target_of(url: str) -> str:
    """What stands in a request's first line for this address."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
