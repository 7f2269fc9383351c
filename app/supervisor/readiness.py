"""Ask `/readyz` until it says yes, or until it is clear that a setting names a server that is not there."""

import asyncio
import json
import time
from contextlib import suppress

from app.supervisor.ground import CannotStart

_PATIENCE_S = 20.0
# Of the API's first answer on; together with its start that stays within the 5 s in which a wrong setting must show.
_PATIENCE_WITH_SERVERS_S = 1.5
_ASK_EVERY_S = 0.05
_ANSWER_TIMEOUT_S = 5.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (nothing is bound here)
_SETTING_OF_CHECK = {
    "database": "SAFELIGHT_DATABASE_URL",
    "redis": "SAFELIGHT_REDIS_URL",
    "store": "SAFELIGHT_STORE_URL",
}


async def wait_until_ready(host: str, port: int) -> str:
    """Return an empty text as soon as the server is ready; after 20 s, what is not.

    Raises:
        CannotStart: the API answers, but a server that it needs does not.
    """
    deadline = time.monotonic() + _PATIENCE_S
    first_answer_at: float | None = None
    absent: list[str] = ["api"]
    while time.monotonic() < deadline:
        with suppress(OSError, TimeoutError, ValueError):
            absent = await asyncio.wait_for(_ask(_ANY_ADDRESS.get(host, host), port), _ANSWER_TIMEOUT_S)
            if not absent:
                return ""
            first_answer_at = first_answer_at or time.monotonic()
            if time.monotonic() > first_answer_at + _PATIENCE_WITH_SERVERS_S:
                _refuse_without_servers(absent)
        await asyncio.sleep(_ASK_EVERY_S)
    return f"Not ready after {_PATIENCE_S:.0f} s: no answer of {', '.join(absent)} (see the logs)."


def _refuse_without_servers(absent: list[str]) -> None:
    for check, setting in _SETTING_OF_CHECK.items():
        if check in absent:
            raise CannotStart(f"{setting}: the {check} does not answer.")


async def _ask(host: str, port: int) -> list[str]:
    """Names of the checks that fail; ValueError where the answer is none."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200"):
            return []
        return [name for name, state in json.loads(body)["checks"].items() if state != "ok"] or ["api"]
    except KeyError as error:
        raise ValueError("no checks in the answer") from error
    finally:
        writer.close()
