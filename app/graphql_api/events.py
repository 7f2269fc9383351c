"""GraphQL over server-sent events, in the distinct connections mode of graphql-sse: one request, one stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic

from starlette.types import Receive, Send

from app.ending import end_tasks
from app.graphql_api.callers import CallerT, Credentials
from app.graphql_api.streams import Failure, Next

# Below the 30 s after which common proxies give up on a silent connection.
HEARTBEAT_S = 12.0
FAREWELL_S = 2.0

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    # nginx would hold the events back to fill its buffers.
    (b"x-accel-buffering", b"no"),
    (b"vary", b"Accept"),
]


@dataclass(slots=True, eq=False)
class OpenStream(Generic[CallerT]):
    """A stream that runs, for whoever looks at its credential again."""

    shown: Credentials
    caller: CallerT
    farewell: Failure
    """What the caller is told who is not welcome any more."""
    _closed: asyncio.Event = field(default_factory=asyncio.Event)
    is_left_open: bool = False
    """It ends because the server does: without a last word, so that its client comes again."""

    @property
    def credentials(self) -> Credentials | None:
        """What the caller was recognised by; None for strangers."""
        return None if self.shown.is_anonymous else self.shown

    async def close(self, _code: int, _reason: str) -> None:
        """End it: its caller is not welcome any more."""
        self._closed.set()

    def leave_open(self) -> None:
        """End it, but not what it tells of: the server stops."""
        self.is_left_open = True
        self._closed.set()

    async def wait_closed(self) -> None:
        """Return when it is to end."""
        await self._closed.wait()


async def send_events(
    responses: AsyncGenerator[Next | Failure, None],
    receive: Receive,
    send: Send,
    *,
    stream: OpenStream[CallerT] | None = None,
    heartbeat_s: float = HEARTBEAT_S,
) -> None:
    """Send each response as a `next` event, then `complete`.

    Stops as soon as the client goes away, or `stream` is closed: then its farewell is the last event, unless it is left
    open.
    """
    sending = asyncio.create_task(_send_all(responses, send, heartbeat_s))
    leaving = asyncio.create_task(_wait_for_disconnect(receive))
    barring = [asyncio.create_task(stream.wait_closed())] if stream is not None else []
    try:
        ended, _ = await asyncio.wait({sending, leaving, *barring}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_tasks((leaving, sending, *barring))
        await responses.aclose()
    if sending.done() and not sending.cancelled() and (fault := sending.exception()) and not isinstance(fault, OSError):
        raise fault
    if stream is not None and not ended & {sending, leaving}:
        await _take_leave(send, None if stream.is_left_open else stream.farewell)


async def _take_leave(send: Send, farewell: Failure | None) -> None:
    # Who reads nothing is not waited for.
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(FAREWELL_S):
            if farewell is None:
                return await _send_last(send)
            await _send_response(send, farewell)
            await _send_end(send)


async def _send_all(responses: AsyncGenerator[Next | Failure, None], send: Send, heartbeat_s: float) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    # A comment at once: clients and proxies see that the stream is open before there is anything to tell.
    await _send_text(send, ":\n\n")
    while (response := await _next_with_heartbeat(responses, send, heartbeat_s)) is not None:
        await _send_response(send, response)
    await _send_end(send)


async def _send_response(send: Send, response: Next | Failure) -> None:
    text = response.text if isinstance(response, Next) else f'{{"errors":{response.text}}}'
    await _send_text(send, f"event: next\ndata: {text}\n\n")


async def _send_end(send: Send) -> None:
    await _send_text(send, "event: complete\ndata: \n\n")
    await _send_last(send)


async def _send_last(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _next_with_heartbeat(
    responses: AsyncGenerator[Next | Failure, None], send: Send, heartbeat_s: float
) -> Next | Failure | None:
    coming = asyncio.ensure_future(anext(responses, None))
    try:
        while not (await asyncio.wait({coming}, timeout=heartbeat_s))[0]:
            await _send_text(send, ":\n\n")
        return coming.result()
    finally:
        await end_tasks([coming])


async def _send_text(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
