"""Trying again: on both sides, for as long as there is hope, and never for ever."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.client.moving.codes import MovingCode
from app.client.patience import Patience
from app.client.problems import Problem
from app.client.wording import amount

T = TypeVar("T")

LONGEST_WAIT_S = 900.0
"""Who is asked to wait longer ends, and is told when to come back."""
LONGEST_LIMITED_S = 3_600.0
"""How long one and the same request may be turned away for coming too often."""
_LONGEST_TOLD_S = 86_400.0 * 365
_LIMITS = frozenset({"RATE_LIMITED", MovingCode.OLD_RATE_LIMITED})


async def persist(attempt: Callable[[], Awaitable[T]], on_problem: Callable[[Problem], None]) -> T:
    """The result of the first attempt that succeeds; each passing problem is told.

    Raises:
        Problem: it will not pass, lasts for more than `PATIENCE_S`, or asks to wait for too long.
    """
    patience, limited_until = Patience(), time.monotonic() + LONGEST_LIMITED_S
    while True:
        try:
            return await attempt()
        except Problem as problem:
            if problem.is_passing:
                _check_wait(problem)
                on_problem(problem)
            if problem.code in _LIMITS and problem.retry_after_s and time.monotonic() < limited_until:
                # Being asked to wait is a sign of life.
                patience.renew()
            await patience.pause(problem)


def _check_wait(problem: Problem) -> None:
    if problem.retry_after_s is not None and problem.retry_after_s > LONGEST_WAIT_S:
        wait_s = min(problem.retry_after_s, _LONGEST_TOLD_S)
        minutes = amount(round(wait_s / 60), "minute", "minutes")
        raise Problem(problem.code, f"{problem.message} It asks to come back in {minutes}.") from problem
