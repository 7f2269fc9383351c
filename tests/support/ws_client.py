"""A socket by hand: connect, greet, send, receive."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.client import UNHURRIED
from tests.support.toy_process import ToyServer
from tests.support.waiting import LIMIT_S, in_time

PROTOCOL = Subprotocol("graphql-transport-ws")


@asynccontextmanager
async def raw_socket(toy: ToyServer, *, url: str | None = None, **options: Any) -> AsyncIterator[ClientConnection]:
    asked = {**UNHURRIED, **options}
    async with connect(url or toy.socket_url, subprotocols=[PROTOCOL], compression=None, **asked) as socket:
        yield socket


@asynccontextmanager
async def ready_socket(toy: ToyServer, payload: Mapping[str, object] | None = None) -> AsyncIterator[ClientConnection]:
    async with raw_socket(toy) as socket:
        await send(socket, type="connection_init", **({} if payload is None else {"payload": payload}))
        assert await receive(socket) == {"type": "connection_ack"}
        yield socket


async def send(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await in_time(socket.recv()))
    return message


async def close_code(socket: ClientConnection) -> int | None:
    """Read to the end and return why it ended."""
    async with asyncio.timeout(LIMIT_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None


async def subscribe(socket: ClientConnection, query: str, *, operation_id: str = "1", **more: object) -> None:
    await send(socket, id=operation_id, type="subscribe", payload={"query": query, **more})
