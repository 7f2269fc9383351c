"""A request's body as it comes in, with a deadline: who sends nothing, or next to nothing, is let go."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.types import Message, Receive

from app.errors import UploadIncomplete

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


async def _receive_by(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError as error:
        raise _too_slow() from error


def _too_slow() -> UploadIncomplete:
    return UploadIncomplete(f"The file came too slowly: less than 1 KiB a second over {WINDOW_S:g} seconds.")
