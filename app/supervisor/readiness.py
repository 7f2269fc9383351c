"""Ask `/readyz` until it says yes."""

import asyncio
import time
from contextlib import suppress

_PATIENCE_S = 20.0
_ASK_EVERY_S = 0.05
_ANSWER_TIMEOUT_S = 5.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (nothing is bound here)


async def wait_until_ready(host: str, port: int) -> str:
    """Return an empty text as soon as the server is ready; after 20 s, what it says instead."""
    deadline = time.monotonic() + _PATIENCE_S
    answer = "nothing"
    while time.monotonic() < deadline:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            answer = await asyncio.wait_for(_ask(_ANY_ADDRESS.get(host, host), port), _ANSWER_TIMEOUT_S)
            if answer.startswith("HTTP/1.1 200"):
                return ""
        await asyncio.sleep(_ASK_EVERY_S)
    return f"Not ready after {_PATIENCE_S:.0f} s; /readyz answers: {answer.splitlines()[-1] if answer else answer}"


async def _ask(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.read(65_536)).decode(errors="replace")
    finally:
        writer.close()
