"""Sending for as long as somebody listens: the server itself takes whatever is sent after that, and says nothing."""

import asyncio
import contextlib
from collections.abc import Iterator

from starlette.types import Message, Receive, Send


class NobodyListens(Exception):
    """The client has closed its connection."""


@contextlib.contextmanager
def while_heard(receive: Receive, send: Send) -> Iterator[Send]:
    """A `send` for one answer. When the client goes, the context ends without an error at the next piece of the body.

    The request's own body must have been read, or be of no interest.
    """
    listener = _Listener(receive, send)
    try:
        yield listener.send
    except NobodyListens:
        pass
    finally:
        listener.close()


class _Listener:
    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._gone: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        # An answer in one piece has nothing left to spare anybody.
        if self._gone is None and message.get("more_body"):
            self._gone = asyncio.create_task(self._wait_until_gone(), name="listening")
        if self._gone is not None and self._gone.done():
            raise NobodyListens
        await self._send(message)

    def close(self) -> None:
        if self._gone is not None:
            self._gone.cancel()

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
