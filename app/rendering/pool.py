"""The zygotes, one a slot: lent to one job at a time, replaced when they end or grow old."""

import asyncio
import logging
from collections.abc import Callable

from app.ending import end_tasks
from app.errors import SafelightError, Unavailable
from app.rendering.limits import CageLimits
from app.rendering.zygote_process import ZygoteProcess, start_zygote

log = logging.getLogger(__name__)


class ZygotePool:
    """`acquire` and `release` around each job; every slot comes back, with or without a living zygote."""

    def __init__(self, *, limits: CageLimits, check: Callable[[ZygoteProcess], None]) -> None:
        self._limits = limits
        self._check = check
        # The last one used is the warmest. None: a slot whose zygote is gone, and whoever takes it starts one.
        self._idle: asyncio.LifoQueue[ZygoteProcess | None] = asyncio.LifoQueue()
        self._alive: set[ZygoteProcess] = set()
        self._renewals: set[asyncio.Task[None]] = set()

    async def start(self, slots: int) -> None:
        """Warm up one zygote a slot, all at once.

        Raises:
            Unavailable: they cannot be started, or `check` refuses them.
        """
        # All are waited for, so that a failure leaves none behind that nobody knows of.
        started = await asyncio.gather(*(self._start() for _ in range(slots)), return_exceptions=True)
        for zygote in started:
            if isinstance(zygote, BaseException):
                raise zygote
            self._idle.put_nowait(zygote)

    async def close(self) -> None:
        """End all of them, busy ones too."""
        await end_tasks(self._renewals)
        await asyncio.gather(*(self._end(zygote) for zygote in tuple(self._alive)))

    async def acquire(self) -> ZygoteProcess:
        """Wait for a slot; its zygote is alive, as far as is known.

        Raises:
            Unavailable: it has ended, and a new one cannot be started.
        """
        zygote = await self._idle.get()
        try:
            # What has just ended is taken note of in the loop's next turn.
            await asyncio.sleep(0)
            if zygote and zygote.is_alive:
                return zygote
            if zygote:
                await self._end(zygote)
            return await self._start()
        except BaseException:
            self._idle.put_nowait(None)
            raise

    def release(self, zygote: ZygoteProcess, *, is_usable: bool) -> None:
        """Give a slot back; a zygote that is not usable, has ended or is old is replaced in the background."""
        if is_usable and zygote.is_alive and zygote.jobs_done < self._limits.jobs_per_zygote:
            self._idle.put_nowait(zygote)
            return
        renewal = asyncio.create_task(self._renew(zygote))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)

    async def _renew(self, old: ZygoteProcess) -> None:
        fresh = None
        try:
            await self._end(old)
            fresh = await self._start()
        except SafelightError as error:
            log.error("zygote_not_started", extra={"reason": error.message})
        finally:
            self._idle.put_nowait(fresh)

    async def _start(self) -> ZygoteProcess:
        zygote = await start_zygote(timeout_s=self._limits.start_timeout_s)
        self._alive.add(zygote)
        try:
            self._check(zygote)
        except Unavailable:
            await self._end(zygote)
            raise
        return zygote

    async def _end(self, zygote: ZygoteProcess) -> None:
        self._alive.discard(zygote)
        await zygote.end()
