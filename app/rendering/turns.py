"""A lock for the jobs of a worker: many share it, or one that must run alone has it for itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """Jobs run side by side, unless one must run alone: then it waits for the others to end, and they for it."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._running = 0
        self._lone_jobs = 0
        """Those that run alone or wait for it. Later jobs wait behind them, or a lone one would never have its turn."""
        self._has_lone_job = False

    @contextlib.asynccontextmanager
    async def take(self, *, is_alone: bool) -> AsyncIterator[None]:
        """Wait for the turn of a job, and keep it until the context is left."""
        await (self._begin_alone() if is_alone else self._begin())
        try:
            yield
        finally:
            # Shielded: a cancelled job must still give its turn back.
            await asyncio.shield(self._end(is_alone=is_alone))

    async def _begin(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._lone_jobs)
            self._running += 1

    async def _begin_alone(self) -> None:
        async with self._changed:
            self._lone_jobs += 1
            try:
                await self._changed.wait_for(lambda: not self._running and not self._has_lone_job)
            except BaseException:
                self._lone_jobs -= 1
                self._changed.notify_all()
                raise
            self._has_lone_job = True

    async def _end(self, *, is_alone: bool) -> None:
        async with self._changed:
            if is_alone:
                self._lone_jobs -= 1
                self._has_lone_job = False
            else:
                self._running -= 1
            self._changed.notify_all()
