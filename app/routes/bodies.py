"""A request's body as it arrives, with a minimum rate: silent and nearly silent clients are disconnected."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import Message

from app.errors import FileTooLarge, UploadIncomplete

WINDOW_S = 20.0
MIN_WINDOW_BYTES = 20 * 1024
"""At least 1 KiB a second over each window; a slower connection would hold its place for nothing."""
_SLOT_S = 1.0


async def read_body(request: Request) -> AsyncIterator[bytes]:
    """The body's chunks, for as long as it takes: only the rate is limited, not the duration.

    Raises:
        UploadIncomplete: the client disconnected, sent nothing for `WINDOW_S` seconds, or in any `WINDOW_S` seconds
            less than `MIN_WINDOW_BYTES`.
    """
    pace = _Pace()
    while True:
        message = await pace.wait_for(request)
        if message["type"] == "http.disconnect":
            raise UploadIncomplete("The connection ended before the body did. Send it again.")
        chunk: bytes = message.get("body", b"")
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


async def read_at_most(request: Request, *, max_bytes: int) -> bytes:
    """The whole body of a request that brings no file.

    Raises:
        FileTooLarge: it has more than `max_bytes`.
        UploadIncomplete: as above.
    """
    body = bytearray()
    async for chunk in read_body(request):
        body += chunk
        if len(body) > max_bytes:
            raise FileTooLarge(f"The body may have at most {max_bytes} bytes.", details={"maxBytes": max_bytes})
    return bytes(body)


class _Pace:
    """Bytes of the last seconds, by a clock that runs only while the server waits for the client.

    Time that the server takes to write a chunk is not the client's fault and does not count.
    """

    def __init__(self) -> None:
        self._waited_s = 0.0
        self._slots: deque[tuple[float, int]] = deque()
        """Time and size of what arrived, gathered to `_SLOT_S`; no more of them than a window has slots."""

    async def wait_for(self, request: Request) -> Message:
        """The next message.

        Raises:
            UploadIncomplete: too little arrived for too long.
        """
        started_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._patience_s()):
                message = await request.receive()
        except TimeoutError as error:
            raise UploadIncomplete(
                f"The body came too slowly: less than 1 KiB a second over {WINDOW_S:g} seconds. Send it again."
            ) from error
        self._waited_s += asyncio.get_running_loop().time() - started_at
        self._add(len(message.get("body", b"")))
        return message

    def _patience_s(self) -> float:
        """Seconds after which the last window would hold too little, if nothing came until then."""
        total = 0
        for at, byte_size in reversed(self._slots):
            total += byte_size
            if total >= MIN_WINDOW_BYTES:
                return max(0.0, at + WINDOW_S - self._waited_s)
        return max(0.0, WINDOW_S - self._waited_s)

    def _add(self, byte_size: int) -> None:
        if not byte_size:
            return
        if self._slots and self._waited_s - self._slots[-1][0] < _SLOT_S:
            at, before = self._slots.pop()
            self._slots.append((at, before + byte_size))
        else:
            self._slots.append((self._waited_s, byte_size))
        while self._waited_s - self._slots[0][0] > WINDOW_S:
            self._slots.popleft()
