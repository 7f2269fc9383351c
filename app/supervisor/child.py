"""One program under the supervisor: started, tied to its life, started again when it dies, stopped in order."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.supervisor import tether
from app.supervisor.exits import ExitWatch

_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 3.0  # workers are to be back 5 s after a fault is over
STEADY_AFTER_S = 10.0
"""A program that ran for less has not recovered from what ended it before."""
_LAST_WORDS_BYTES = 32_768
_LAST_WORDS_CHARACTERS = 500
_REDIS_EVERYDAY = re.compile(r"\d+:[A-Z] [^#]{20,30} [.*-] ")
_KEPT_LOG_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run: `command[0]` is a whole path; output goes to the end of `log_path`."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_path: Path

    def last_words(self) -> str:
        """The last line of its log, in one line; empty where it said nothing."""
        line = self._last_line()
        return _plain(line).removeprefix("safelight: ")[:_LAST_WORDS_CHARACTERS]

    def last_complaint(self) -> str:
        """Its last words, if they may say why it ended; empty where they tell of everyday work."""
        return "" if _is_everyday(self._last_line()) else self.last_words()

    def open_log(self) -> int:
        """Make the log's folder where it is missing, and rotate a log above 20 MiB; gives the bytes that it has."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._rotate_log()
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def read_log(self, *, since: int = 0) -> str:
        """Its last 32 KiB from the byte `since` on; empty where it cannot be read."""
        with suppress(OSError), self.log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(since, end - _LAST_WORDS_BYTES))
            return log.read(_LAST_WORDS_BYTES).decode(errors="replace")
        return ""

    def _last_line(self) -> str:
        lines = [line.strip() for line in self.read_log().splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def _rotate_log(self) -> None:
        # On a full disk the old log cannot be kept; then it goes on growing, and is not lost.
        with suppress(OSError):
            if self.log_path.stat().st_size > _KEPT_LOG_BYTES:
                self.log_path.replace(self.log_path.with_suffix(".log.1"))


@dataclass(frozen=True, slots=True)
class Lifeline:
    """A pipe that ends with this process: children read its one end, and only we hold the other."""

    read_fd: int
    write_fd: int

    @classmethod
    def make(cls) -> Self:
        """Both ends are closed to children but for the one that is passed on by name."""
        return cls(*os.pipe())


@dataclass(frozen=True, slots=True)
class Ending:
    """One end of a program, or one start that failed."""

    status: int | None
    """As `subprocess` has it, negative for a signal; None where the program was not started."""
    ran_s: float
    output: str
    """The end of the lines that it wrote meanwhile."""
    reason: str
    """For the report: `ended with status 1`."""


@dataclass(slots=True)
class Child:
    """A program that is kept running until `stop`."""

    program: Program
    lifeline: Lifeline
    exits: ExitWatch
    report: Callable[[str], None]
    prepare: Callable[[], None] = lambda: None
    """Called before each start, to create what the program needs; an OSError counts as a failed start."""
    on_end: Callable[[Ending], None] = lambda _ending: None
    died: asyncio.Event = field(default_factory=asyncio.Event)
    _process: "subprocess.Popen[bytes] | None" = None
    _is_stopping: bool = False

    async def keep_running(self) -> None:
        """Start it, and again whenever it ends or cannot be started, a little later each time; returns after `stop`."""
        delay_s = _FIRST_DELAY_S
        while not self._is_stopping:
            ending = await self._run_once()
            if self._is_stopping:
                return
            self.died.set()
            if ending.ran_s > STEADY_AFTER_S:
                delay_s = _FIRST_DELAY_S
            words = self.program.last_complaint() if ending.status is not None else ""
            self.report(f"{self.program.name} {ending.reason}; again in {delay_s:.1f} s. {words}".rstrip())
            self.on_end(ending)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    async def stop(self, grace_s: float) -> None:
        """Ask it to end; after `grace_s` end it."""
        self._is_stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await self.exits.wait_for(process)
        except TimeoutError:
            self.report(f"{self.program.name} did not end within {grace_s:.0f} s and was killed.")
            self._kill_group(process.pid)
            await self.exits.wait_for(process)

    def kill(self) -> None:
        """End it at once."""
        self._is_stopping = True
        if self._process is not None and self._process.returncode is None:
            self._kill_group(self._process.pid)

    async def _run_once(self) -> Ending:
        started_at = time.monotonic()
        try:
            self.prepare()
            written_bytes = self.program.open_log()
            self._process = self._start()
        except (OSError, subprocess.SubprocessError) as error:
            return Ending(None, 0, "", f"cannot be started: {error}")
        status = await self.exits.wait_for(self._process)
        self._kill_group(self._process.pid)  # processes that it may have left behind
        output = self.program.read_log(since=written_bytes)
        return Ending(status, time.monotonic() - started_at, output, _describe(status))

    def _start(self) -> "subprocess.Popen[bytes]":
        # Not asyncio's subprocess: it opens a descriptor or starts a thread after the fork, and where that fails the
        # program runs and nothing here knows of it.
        wrapped = (sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), str(self.lifeline.read_fd))
        with self.program.log_path.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (the supervisor's own list, no shell)
                (*wrapped, *self.program.command),
                env=dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.lifeline.read_fd,),
                # A session of its own: Ctrl-C reaches the supervisor alone, which then ends all in order.
                start_new_session=True,
            )

    @staticmethod
    def _kill_group(pid: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _describe(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"


def _is_everyday(line: str) -> bool:
    """Is it less than a warning? Redis marks those of its lines with #; what has no mark may be anything."""
    fields = _fields(line)
    if fields is not None:
        return fields.get("level") in {"DEBUG", "INFO"}
    return _REDIS_EVERYDAY.match(line) is not None


def _fields(line: str) -> dict[str, object] | None:
    with suppress(ValueError):
        fields = json.loads(line)
        return fields if isinstance(fields, dict) else None
    return None


def _plain(line: str) -> str:
    """What a log line says: the event, and the last line of its traceback where there is one."""
    fields = _fields(line)
    if fields is None:
        return line
    traceback_lines = str(fields.get("exc_info", "")).strip().splitlines()
    return ": ".join([str(fields.get("event", line)), *traceback_lines[-1:]])
