"""Background tasks: loops that must not end by a fault, and the end of those that do not hear it the first time.

Python 3.11's `asyncio.wait_for` swallows a cancellation that comes at the very moment of its result, and redis-py sends
every command through it: a loop that was cancelled then goes on for ever, and so does whoever waits for its end.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

log = logging.getLogger(__name__)

AGAIN_S = 2.0
"""Between two cancellations: long enough for what a task has to put in order when it is cancelled."""
LIMIT_S = 5.0
_RESTART_AFTER_S = 1.0


def start_loop(work: Callable[[], Coroutine[Any, Any, None]], *, name: str) -> "asyncio.Task[None]":
    """Start a background loop that runs until it returns or is cancelled.

    No code looks at such a task: an exception that the loop does not foresee would end it for good, without a word.
    Here it is logged, and the loop starts again after a second.
    """
    return asyncio.create_task(_run_until_it_returns(work, name), name=name)


async def _run_until_it_returns(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            log.error("loop_failed", exc_info=error, extra={"loop": name})
        else:
            return
        await asyncio.sleep(_RESTART_AFTER_S)


async def end_tasks(tasks: Iterable[asyncio.Future[Any] | None], *, within_s: float = LIMIT_S) -> None:
    """Cancel tasks until they have ended, and give up after `within_s` seconds; never raises what they raised."""
    left = {task for task in tasks if task is not None}
    deadline = asyncio.get_running_loop().time() + within_s
    while left and (left_s := deadline - asyncio.get_running_loop().time()) > 0:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=min(AGAIN_S, left_s))
        for task in ended:
            if not task.cancelled():
                task.exception()  # or Python would tell of it
    if left:
        log.error("tasks_left", extra={"tasks": sorted(_name_of(task) for task in left)})


def end_soon(task: asyncio.Future[Any]) -> None:
    """Cancel a task, again if need be, for whoever cannot wait."""
    if not task.done():
        task.cancel()
        asyncio.get_running_loop().call_later(AGAIN_S, end_soon, task)


def _name_of(task: asyncio.Future[Any]) -> str:
    return task.get_name() if isinstance(task, asyncio.Task) else "future"
