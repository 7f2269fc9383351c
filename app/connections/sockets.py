"""WebSocket connections: lighter than uvicorn's, and with pressure back to clients that do not read."""

import asyncio
import logging
from asyncio.transports import BaseTransport
from collections import deque
from functools import partial
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from app.connections.incomplete import IncompleteConnections
from app.connections.sending import SAFE_HEADERS

# Below app.telemetry's limit for libraries.
_SOCKET_LOG = logging.getLogger("websockets.server")

PIECE_BYTES = 4096
"""How much is parsed in one turn of the loop: some hundred pings, or tens of messages."""


class LightSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket without what an idle one does not need: 4 KB less for each of thousands.

    A client that does not read its answers, pongs among them, is not read from either. What comes at once is parsed in
    pieces, so that others have their turn in between.
    """

    _held: memoryview | None = None

    def __init__(
        self, *arguments: Any, incomplete: IncompleteConnections | None = None, **options: Any
    ) -> None:  # the others are passed through
        super().__init__(*arguments, **options)
        self._incomplete = incomplete or IncompleteConnections()
        self.queue = _Mailbox()  # type: ignore[assignment]  # all of a queue that is used
        # uvicorn tells of each handshake with its query at `info`, the library below of headers and frames at `debug`.
        self.logger = self.conn.logger = _SOCKET_LOG
        self.conn.debug = False
        self.conn.reject = partial(_reject, self.conn)  # type: ignore[method-assign]

    def handle_connect(self, event: Request) -> None:
        """Shake hands; the scope has all that the request said."""
        super().handle_connect(event)
        del self.request

    def connection_made(self, transport: BaseTransport) -> None:
        """Count the socket among those of its address that have not been acknowledged."""
        super().connection_made(transport)
        if not self._incomplete.add(self, self.client):
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what is held."""
        self._held = None
        self._incomplete.remove(self)
        super().connection_lost(exc)

    async def send(self, message: ASGISendEvent) -> None:
        """Send; the first message acknowledges the client's `connection_init`."""
        if message["type"] == "websocket.send":
            self._incomplete.remove(self)
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # uvicorn would report a handshake without an answer.
            self.handshake_complete = True

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; reading goes on where nothing speaks against it."""
        message = await super().receive()
        if (self._held is not None or not self.writable.is_set()) and not self.transport.is_closing():
            self.transport.pause_reading()
        return message

    def data_received(self, data: bytes) -> None:
        """Parse the first piece; the others follow in later turns of the loop."""
        if self._held is not None:
            self._held = memoryview(bytes(self._held) + data)
        else:
            self._take(memoryview(data))

    def pause_writing(self) -> None:
        """Read no more from a client that does not read."""
        super().pause_writing()
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        super().resume_writing()
        if self._held is not None:
            self.loop.call_soon(self._go_on)
        else:
            self._resume_reading()

    def _take(self, data: memoryview) -> None:
        super().data_received(bytes(data[:PIECE_BYTES]))
        if len(data) > PIECE_BYTES and not self.transport.is_closing():
            self._held = data[PIECE_BYTES:]
            self.transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._held is None or not self.writable.is_set() or self.transport.is_closing():
            return
        held, self._held = self._held, None
        self._take(held)
        if self._held is None:
            self._resume_reading()

    def _resume_reading(self) -> None:
        if not self.read_paused and self.writable.is_set() and not self.transport.is_closing():
            self.transport.resume_reading()


def _reject(conn: ServerProtocol, status: StatusLike, text: str) -> Response:
    response = ServerProtocol.reject(conn, status, text)
    for name, value in SAFE_HEADERS:
        response.headers[name.decode()] = value.decode()
    return response


class _Mailbox:
    """An unbounded queue for one reader; `asyncio.Queue` weighs two kilobytes when it is empty."""

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: deque[Any] = deque()
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._messages.popleft()

    def empty(self) -> bool:
        return not self._messages
