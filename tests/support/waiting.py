"""Waiting for other processes: one helper, with one limit that a busy machine does not reach.

No test asserts that something is quick, because a machine with other work would break it; `bench/` measures speed.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

LIMIT_S = 120.0
"""Whatever has not happened by then never will."""
_POLL_S = 0.02

T = TypeVar("T")

Claim = Callable[[], bool] | Callable[[], Awaitable[bool]]


async def eventually(claim: Claim, what: str = "", *, ignoring: tuple[type[Exception], ...] = ()) -> float:
    """Return once the claim holds; gives the seconds that took. Errors named in `ignoring` count as "not yet"."""
    started_at = time.monotonic()
    while True:
        try:
            answer = claim()
            if await answer if inspect.isawaitable(answer) else answer:
                return time.monotonic() - started_at
            last: object = "it does not hold"
        except ignoring as error:
            last = error
        assert time.monotonic() - started_at < LIMIT_S, f"not within {LIMIT_S:g} s: {what or claim}; last: {last!r}"
        await asyncio.sleep(_POLL_S)


def wait_until(claim: Callable[[], bool], what: Callable[[], str] | str = "") -> float:
    """The same, for tests that run no event loop."""
    started_at = time.monotonic()
    while not claim():
        waited_s = time.monotonic() - started_at
        assert waited_s < LIMIT_S, f"not within {LIMIT_S:g} s: {what() if callable(what) else what or claim}"
        time.sleep(_POLL_S)
    return time.monotonic() - started_at


async def in_time(awaitable: Awaitable[T]) -> T:
    """The result of something that must end."""
    async with asyncio.timeout(LIMIT_S):
        return await awaitable
