"""Connections with limits that uvicorn does not set: on the time and size of a head, and on what a socket weighs."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

HEAD_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 64 * 1024

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 31\r\nconnection: close\r\n\r\n"
    b"The request's head is too large"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes whoever sends no complete head in time; answers 431 where it is too large.

    Between two requests uvicorn's own keep-alive limit holds.
    """

    _head_bytes = 0
    _is_in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._forget_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless they make the head too large."""
        if self._is_in_head:
            room = MAX_HEAD_BYTES - self._head_bytes
            # What comes behind the empty line is the body, which others count.
            if len(data) > room and b"\r\n\r\n" not in data[:room]:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a head; of a later request on the same connection it is timed from here."""
        super().on_message_begin()
        self._is_in_head = True
        if self._deadline is None:
            self._head_bytes = 0
            self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def on_headers_complete(self) -> None:
        """End a head."""
        self._is_in_head = False
        self._head_bytes = 0
        self._forget_deadline()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on; the socket has limits of its own."""
        self._forget_deadline()
        super().handle_websocket_upgrade()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class LightSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket without what an idle one does not need: 4 KB less for each of thousands."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # passed through
        super().__init__(*arguments, **options)
        self.queue = _Mailbox()  # type: ignore[assignment]  # all of a queue that is used

    def handle_connect(self, event: Request) -> None:
        """Shake hands; the scope has all that the request said."""
        super().handle_connect(event)
        del self.request


class _Mailbox:
    """An unbounded queue for one reader; `asyncio.Queue` weighs two kilobytes when it is empty."""

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: list[Any] = []
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
        return self._messages.pop(0)

    def empty(self) -> bool:
        return not self._messages
