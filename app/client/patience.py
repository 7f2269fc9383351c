"""How long a broken line is tried anew, and how fast."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.client.problems import Problem

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
PATIENCE_S = 60.0
"""Without a sign of life. Above the 15 s after which a server takes a broken upload's session back."""


class Patience:
    """Pauses that grow, until nothing has gone well for too long."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Something went well: start anew."""
        self._tries = 0
        self._broken_at: float | None = None

    async def pause(self, problem: Problem) -> None:
        """Wait before the next try.

        Raises:
            Problem: this one, where it will not pass or has lasted too long.
        """
        now = time.monotonic()
        self._broken_at = self._broken_at or now
        if not problem.is_passing or now - self._broken_at >= PATIENCE_S:
            raise problem
        growing_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._tries)
        self._tries += 1
        # Many who lost the same server must not come back to it in the same instant.
        await asyncio.sleep(max(problem.retry_after_s or 0.0, growing_s * random.uniform(0.5, 1.0)))  # noqa: S311  (no secret)


async def keep_trying(attempt: Callable[[], Awaitable[T]], on_problem: Callable[[Problem], None]) -> T:
    """The result of the first attempt that succeeds; each passing problem is told.

    Raises:
        Problem: it will not pass, or lasts for more than `PATIENCE_S`.
    """
    patience = Patience()
    while True:
        try:
            return await attempt()
        except Problem as problem:
            if problem.is_passing:
                on_problem(problem)
            await patience.pause(problem)
