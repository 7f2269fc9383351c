"""One picture's stay in the cage, as its consumer sees it: answers one by one, or the reason why there are no more."""

import asyncio
import math
import os
import signal
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from app.domain.formats import SNIFF_BYTES, sniff
from app.domain.headers.facts import HeaderFacts
from app.errors import (
    ImageTooLarge,
    InvalidImage,
    Lack,
    RenderFailed,
    RenderTimeout,
    SafelightError,
    Starved,
    Unavailable,
)
from app.foreign_errors import report_foreign_error
from app.rendering.limits import CageLimits
from app.rendering.protocol import Answer, Decoded, NotRendered, Rendered, RenderSpec
from app.rendering.wire import (
    ChildAnswer,
    Confined,
    Done,
    JobOrder,
    NotConfined,
    ProtocolViolation,
    Refused,
    make_job,
    parse_answer,
)
from app.rendering.zygote_process import ChildEnd, ZygoteGone, ZygoteProcess
from app.telemetry import SANDBOX_KILLS

# SIGKILL comes from outside: the kernel out of memory, or an operator. The memory limit ends no process. Beyond the
# processor time it comes from our own limit, whose first signal a child may ignore.
_KILL_REASONS = {int(signal.SIGKILL): "killed", int(signal.SIGXCPU): "cpu_time"}


class _State(Enum):
    NEW = auto()
    RUNNING = auto()
    ENDED = auto()
    """The child has ended and the zygote has said how."""
    LOST = auto()
    """The zygote is gone, or must go."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a job is done; see `Cage.job`."""

    wants_verdict: bool = True
    yields: bool = False
    is_alone: bool = False


class Job:
    """An asynchronous iterator of answers: Decoded where it is wanted, then each file as it is ready.

    To be read once, to its end.
    """

    def __init__(
        self,
        zygote: ZygoteProcess,
        job_dir: Path,
        facts: HeaderFacts,
        specs: Sequence[RenderSpec],
        *,
        limits: CageLimits,
        options: JobOptions,
    ) -> None:
        self._zygote, self._out_dir = zygote, job_dir / "out"
        self._facts, self._specs = facts, tuple(specs)
        self._open_specs = {spec.key for spec in specs}
        self._deadline_s = limits.deadline_s(facts, specs, is_alone=options.is_alone)
        self._kill_timeout_s, self._cpu_s = limits.kill_timeout_s, limits.cpu_s(facts, specs)
        self._ends_at = 0.0
        self._order = JobOrder(
            job_dir,
            facts,
            self._specs,
            options.wants_verdict,
            *(limits.address_space_bytes, limits.file_bytes, limits.open_files),
            cpu_s=math.ceil(self._cpu_s),
            niceness=limits.niceness if options.yields else 0,
            total_bytes=limits.total_bytes(facts, specs),
            threads=limits.threads,
        )
        self._state = _State.NEW
        # A picture that has been decoded before is one, whatever happens to this child.
        self._is_decoded, self._is_done = not options.wants_verdict, False
        self._refusal: Refused | None = None
        self._confinement: Confined | NotConfined | None = None
        self.end: ChildEnd | None = None
        """How the child ended and what it used; None while it runs."""

    def __aiter__(self) -> "Job":
        """Itself."""
        return self

    async def __anext__(self) -> Answer:
        """The next answer."""
        while self._state is _State.RUNNING:
            line = await self._read_line()
            if isinstance(line, ChildEnd):
                self._finish(line)
            elif answer := self._parse(line):
                return answer
        if self._open_specs:
            return NotRendered(self._open_specs.pop(), "This file was not made.")
        raise StopAsyncIteration

    async def start(self) -> None:
        """Hand the job to the zygote; the deadline counts from here.

        Raises:
            Unavailable: the zygote is gone.
        """
        self._state = _State.RUNNING
        self._ends_at = asyncio.get_running_loop().time() + self._deadline_s
        try:
            await self._zygote.send_job(make_job(self._order))
        except ZygoteGone as error:
            raise self._lose_zygote() from error

    async def stop(self) -> bool:
        """Kill the child if it still runs; true where the zygote can take another job."""
        if self._state is _State.RUNNING:
            try:
                self.end = await self._zygote.kill_child(timeout_s=self._kill_timeout_s)
                self._state = _State.ENDED
            except ZygoteGone:
                self._state = _State.LOST
        return self._state is not _State.LOST

    async def _read_line(self) -> bytes | ChildEnd:
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await self._zygote.read_line()
        except TimeoutError as error:
            raise await self._end_overdue() from error
        except ZygoteGone as error:
            raise self._lose_zygote() from error

    async def _end_overdue(self) -> SafelightError:
        """Kill the child, whose processor time says at whose door the delay lies: the picture's or the machine's."""
        SANDBOX_KILLS.labels(reason="wall_time").inc()
        await self.stop()
        if self.end is not None and self.end.cpu_s >= self._cpu_s:
            return RenderTimeout("Rendering took too long.")
        report_foreign_error("sandbox", operation="render", code="wall_time")
        return Starved(Lack.TIME)

    def _lose_zygote(self) -> Unavailable:
        self._state = _State.LOST
        return Unavailable("The renderer went away.", retry_after_s=1)

    def _finish(self, end: ChildEnd) -> None:
        self.end, self._state = end, _State.ENDED
        if self._refusal:
            raise _explain_refusal(self._refusal)
        if not (self._is_done and self._is_decoded and end.exit_code == 0):
            raise self._explain(end)

    def _parse(self, line: bytes) -> Answer | None:
        try:
            return self._accept(parse_answer(line, facts=self._facts, specs=self._specs, out_dir=self._out_dir))
        except ProtocolViolation as error:
            # Only a picture that has taken its decoder over makes it say such things.
            raise InvalidImage("This picture cannot be decoded.") from error

    def _accept(self, answer: ChildAnswer) -> Answer | None:
        match answer:
            case Done():
                self._is_done = True
                return None
            case Confined() | NotConfined():
                self._expect(self._confinement is None)
                self._confinement = answer
                return None
            case Refused():
                self._refusal = answer
                return None
            case Decoded():
                self._expect(not self._is_decoded)
                self._is_decoded = True
                return answer
            case Rendered() | NotRendered():
                self._expect(self._is_decoded and answer.key in self._open_specs)
                self._open_specs.remove(answer.key)
                return self._measure(answer) if isinstance(answer, Rendered) else answer

    @staticmethod
    def _expect(is_honest: bool) -> None:
        if not is_honest:
            raise ProtocolViolation("out of order")

    @staticmethod
    def _measure(answer: Rendered) -> Rendered:
        """Look at the file itself: it must be a plain one, of the format that was ordered."""
        try:
            descriptor = os.open(answer.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise ProtocolViolation("no such file") from error
        try:
            status, head = os.fstat(descriptor), os.read(descriptor, SNIFF_BYTES)
        finally:
            os.close(descriptor)
        if not stat.S_ISREG(status.st_mode) or sniff(head) is not answer.codec:
            raise ProtocolViolation("not the file that was ordered")
        return replace(answer, byte_size=status.st_size)

    def _explain(self, end: ChildEnd) -> SafelightError:
        """What an end that was not in order means."""
        reason = self._count_kill(end)
        if reason == "killed":
            # Neither a picture nor our limits do that: it came from outside, such as the kernel out of memory.
            report_foreign_error("sandbox", operation="render", code="SIGKILL")
            return Starved(Lack.MEMORY)
        if not isinstance(self._confinement, Confined):
            return self._explain_open_sandbox(end)
        if not self._is_decoded:
            return InvalidImage("This picture cannot be decoded.")
        if reason == "cpu_time":
            return RenderTimeout("Rendering took too long.")
        return RenderFailed("Rendering this picture failed.")

    def _count_kill(self, end: ChildEnd) -> str | None:
        """Which limit or signal ended the child, as the metric has it; None where it ended by itself."""
        if end.signal is None:
            return None
        reason = end.excess or _KILL_REASONS.get(end.signal, "crash")
        if reason == "killed" and end.cpu_s >= self._cpu_s:
            reason = "cpu_time"
        SANDBOX_KILLS.labels(reason=reason).inc()
        return reason

    def _explain_open_sandbox(self, end: ChildEnd) -> SafelightError:
        """The child ended before it opened the picture, which is therefore not to blame."""
        refusal = self._confinement if isinstance(self._confinement, NotConfined) else None
        code = refusal.code if refusal else f"exit {end.exit_code}, signal {end.signal}"
        error = OSError(refusal.reason) if refusal else None
        report_foreign_error("sandbox", operation="confine", code=code, error=error)
        return Unavailable("The sandbox could not be closed on this machine.", retry_after_s=5)


def _explain_refusal(refusal: Refused) -> SafelightError:
    if refusal.is_too_large:
        return ImageTooLarge("Decoding this picture takes more memory than it may.", details={"limit": "memory"})
    return InvalidImage("This picture cannot be decoded.")
