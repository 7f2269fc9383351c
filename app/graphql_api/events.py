"""GraphQL over server-sent events, in the distinct connections mode of graphql-sse: one request, one stream."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Receive, Send

from app.graphql_api.streams import Failure, Next

# Below the 30 s after which common proxies give up on a silent connection.
HEARTBEAT_S = 12.0

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    # nginx would hold the events back to fill its buffers.
    (b"x-accel-buffering", b"no"),
    (b"vary", b"Accept"),
]


async def send_events(
    responses: AsyncGenerator[Next | Failure, None], receive: Receive, send: Send, *, heartbeat_s: float = HEARTBEAT_S
) -> None:
    """Send each response as a `next` event, then `complete`; stops as soon as the client goes away."""
    sending = asyncio.create_task(_send_all(responses, send, heartbeat_s))
    leaving = asyncio.create_task(_wait_for_disconnect(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        sending.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        await responses.aclose()
    if not sending.cancelled() and (fault := sending.exception()) and not isinstance(fault, OSError):
        raise fault


async def _send_all(responses: AsyncGenerator[Next | Failure, None], send: Send, heartbeat_s: float) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    # A comment at once: clients and proxies see that the stream is open before there is anything to tell.
    await _send_text(send, ":\n\n")
    while (response := await _next_with_heartbeat(responses, send, heartbeat_s)) is not None:
        text = response.text if isinstance(response, Next) else f'{{"errors":{response.text}}}'
        await _send_text(send, f"event: next\ndata: {text}\n\n")
    await _send_text(send, "event: complete\ndata: \n\n")
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
        if not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _send_text(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
