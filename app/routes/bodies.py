"""A request's body as it comes in, with a deadline: who sends nothing, or next to nothing, is let go."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import Message, Receive

from app.errors import FileTooLarge, UploadIncomplete

WINDOW_S = 20.0
MIN_WINDOW_BYTES = 20 * 1024
"""At least 1 KiB a second over each window, or the connection holds a place for nothing."""


async def read_body(request: Request) -> AsyncIterator[bytes]:
    """The body's chunks.

    Raises:
        UploadIncomplete: the client hung up, or is too slow to ever finish.
    """
    receive = request.receive
    loop = asyncio.get_running_loop()
    window_ends_at, window_bytes = loop.time() + WINDOW_S, 0
    while True:
        message = await _receive_by(receive, window_ends_at)
        if message["type"] == "http.disconnect":
            raise UploadIncomplete("The connection ended before the file did. Send it again.")
        chunk: bytes = message.get("body", b"")
        window_bytes += len(chunk)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return
        if loop.time() >= window_ends_at:
            if window_bytes < MIN_WINDOW_BYTES:
                raise _too_slow()
            window_ends_at, window_bytes = loop.time() + WINDOW_S, 0


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


async def _receive_by(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError as error:
        raise _too_slow() from error


def _too_slow() -> UploadIncomplete:
    return UploadIncomplete(f"The file came too slowly: less than 1 KiB a second over {WINDOW_S:g} seconds.")
