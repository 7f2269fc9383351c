"""A socket by hand: connect, greet, send, receive."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.toy_process import ToyServer

PROTOCOL = Subprotocol("graphql-transport-ws")
LIMIT_S = 5.0


@asynccontextmanager
async def raw_socket(toy: ToyServer, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(toy.socket_url, subprotocols=[PROTOCOL], compression=None, **options) as socket:
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
    async with asyncio.timeout(LIMIT_S):
        message: dict[str, Any] = json.loads(await socket.recv())
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
