"""The cage: pictures are decoded and rendered in killable children without rights, and only there."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path

from app.domain.headers.facts import HeaderFacts
from app.errors import Unavailable
from app.rendering.job import Job, JobOptions
from app.rendering.limits import CageLimits
from app.rendering.pool import ZygotePool
from app.rendering.protocol import RenderSpec
from app.rendering.scratch import Scratch, remove_tree
from app.rendering.turns import Turns
from app.rendering.zygote_process import ZygoteProcess

__all__ = ["Cage", "CageLimits", "Job"]

log = logging.getLogger(__name__)

_MAY_BE_SWITCHED_OFF = "SAFELIGHT_ALLOW_UNSANDBOXED=1 renders without it, at your own risk"


class Cage:
    """A number of warm zygotes, each of which renders one picture at a time.

    `scratch_dir` is best on the file system of the pictures, so that they can be linked instead of copied.
    """

    def __init__(
        self,
        *,
        slots: int,
        scratch_dir: Path,
        allow_unsandboxed: bool = False,
        limits: CageLimits = CageLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._slots, self._scratch_dir, self._limits = slots, scratch_dir, limits
        self._allow_unsandboxed = allow_unsandboxed
        self._pool = ZygotePool(limits=limits, check=self._check_features)
        self._scratch: Scratch | None = None
        self._is_sandboxed = False
        self.landlock_abi = 0
        """The version of Landlock around every child; 0 without it."""
        self._turns = Turns()
        self._departures: set[asyncio.Task[None]] = set()

    @property
    def is_sandboxed(self) -> bool:
        """Are Landlock and seccomp around every child?"""
        return self._is_sandboxed

    async def start(self) -> None:
        """Sweep what killed processes have left and warm up one zygote a slot; takes about half a second.

        Raises:
            Unavailable: the kernel lacks Landlock or seccomp and that is not allowed, or ImageMagick does not work.
        """
        self._scratch = await asyncio.to_thread(Scratch, self._scratch_dir)
        try:
            await self._pool.start(self._slots)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End every zygote, running jobs too, and remove all files. Harmless when repeated."""
        await self._pool.close()
        await asyncio.gather(*self._departures, return_exceptions=True)
        if self._scratch:
            await asyncio.to_thread(self._scratch.close)
            self._scratch = None

    @contextlib.asynccontextmanager
    async def job(
        self,
        source: Path,
        facts: HeaderFacts,
        specs: Sequence[RenderSpec],
        *,
        wants_verdict: bool = True,
        yields: bool = False,
        is_alone: bool = False,
    ) -> AsyncIterator[Job]:
        """Render a picture; gives an async iterator of answers: Decoded first, then each file when it is complete.

        Of a picture that was decoded before, no verdict need be wanted. A job that `yields` leaves most of a busy
        processor to others. One that `is_alone` waits until no other runs here, and none begins before it has ended.
        Waits for a free slot. The keys of `specs` must differ. Files live until the context is left; leaving it
        before the last answer kills the child. Raised on entering or by the iterator:

        Raises:
            InvalidImage: the bytes are no picture, or not the one that `facts` describe.
            ImageTooLarge: decoding takes more memory than it may.
            RenderTimeout: it took more processor time than it may.
            RenderFailed: the picture was decoded, but rendering it crashed the child.
            Starved: it was killed from outside, or the machine was too busy to finish it in time.
            Unavailable: the renderer could not be started, or the sandbox not be closed; may be tried again.
            OSError: `source` is not there, or the disk is full.
        """
        async with self._turns.take(is_alone=is_alone):
            options = JobOptions(wants_verdict, yields, is_alone)
            async with self._job(source, facts, specs, options) as job:
                yield job

    @contextlib.asynccontextmanager
    async def _job(
        self, source: Path, facts: HeaderFacts, specs: Sequence[RenderSpec], options: JobOptions
    ) -> AsyncIterator[Job]:
        if self._scratch is None:
            raise Unavailable("The renderer is not running.")
        zygote = await self._pool.acquire()
        job_dir = self._make_job_dir(self._scratch, zygote)
        filling = asyncio.create_task(
            asyncio.to_thread(self._scratch.fill, job_dir, source, facts, specs, may_link=self._is_sandboxed)
        )
        job = Job(zygote, job_dir, facts, specs, limits=self._limits, options=options)
        try:
            # Shielded: the thread cannot be stopped, and what it writes must be removed after it.
            await asyncio.shield(filling)
            await job.start()
            yield job
        finally:
            # A consumer that is cancelled, even twice, must not leave a child, a slot or a file behind.
            await asyncio.shield(self._depart(self._leave(zygote, job, filling, job_dir)))

    def _make_job_dir(self, scratch: Scratch, zygote: ZygoteProcess) -> Path:
        try:
            return scratch.make_job_dir()
        except OSError:
            # The slot comes back, or each fault of the disk would take one for good.
            self._pool.release(zygote, is_usable=True)
            raise

    def _depart(self, leaving: Coroutine[None, None, None]) -> asyncio.Task[None]:
        departure = asyncio.create_task(leaving)
        self._departures.add(departure)
        departure.add_done_callback(self._departures.discard)
        return departure

    async def _leave(self, zygote: ZygoteProcess, job: Job, filling: asyncio.Task[None], job_dir: Path) -> None:
        try:
            await asyncio.wait([filling])
            is_usable = await job.stop()
            await asyncio.to_thread(remove_tree, job_dir)
        except BaseException:
            is_usable = False
            raise
        finally:
            self._pool.release(zygote, is_usable=is_usable)

    def _check_features(self, zygote: ZygoteProcess) -> None:
        missing = " and ".join(zygote.missing_features)
        self._is_sandboxed = not missing
        self.landlock_abi = zygote.landlock_abi
        if missing and not self._allow_unsandboxed:
            raise Unavailable(f"This system lacks {missing}, so pictures cannot be caged; {_MAY_BE_SWITCHED_OFF}.")
        if missing:
            log.warning("cage_is_open", extra={"missing": missing})
