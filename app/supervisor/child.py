"""One program under the supervisor: started, tied to its life, started again when it dies, stopped in order."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.supervisor import tether

_FIRST_DELAY_S = 0.2
_LONGEST_DELAY_S = 3.0  # workers are to be back 5 s after a fault is over
_STEADY_AFTER_S = 10.0
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

    def _last_line(self) -> str:
        with suppress(OSError):
            text = self.log_path.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return lines[-1] if lines else ""
        return ""

    def trim_log(self) -> None:
        """Begin the log anew above 20 MiB, with the old one kept beside it; the program may go on writing."""
        with suppress(OSError):
            if self.log_path.stat().st_size > _KEPT_LOG_BYTES:
                self.log_path.with_suffix(".log.1").write_bytes(self.log_path.read_bytes())
                os.truncate(self.log_path, 0)


@dataclass(frozen=True, slots=True)
class Lifeline:
    """A pipe that ends with this process: children read its one end, and only we hold the other."""

    read_fd: int
    write_fd: int

    @classmethod
    def make(cls) -> Self:
        """Both ends are closed to children but for the one that is passed on by name."""
        return cls(*os.pipe())


@dataclass(slots=True)
class Child:
    """A program that is kept running until `stop`."""

    program: Program
    lifeline: Lifeline
    report: Callable[[str], None]
    on_death: Callable[[int], None]
    """Gets the process id of each process that ended."""
    died: asyncio.Event = field(default_factory=asyncio.Event)
    _process: asyncio.subprocess.Process | None = None
    _is_stopping: bool = False

    async def keep_running(self) -> None:
        """Start it, and again whenever it ends, a little later each time; returns after `stop`."""
        delay_s = _FIRST_DELAY_S
        while not self._is_stopping:
            started_at = time.monotonic()
            status = await self._run_once()
            if self._is_stopping:
                return
            self.died.set()
            if time.monotonic() - started_at > _STEADY_AFTER_S:
                delay_s = _FIRST_DELAY_S
            words = self.program.last_complaint()
            self.report(f"{self.program.name} {_describe(status)}; again in {delay_s:.1f} s. {words}".rstrip())
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    async def stop(self, grace_s: float) -> None:
        """Ask it to end; after `grace_s` end it."""
        self._is_stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._signal(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            self.report(f"{self.program.name} did not end within {grace_s:.0f} s and was killed.")
            self._kill_group(process.pid)
            await process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._is_stopping = True
        if self._process is not None and self._process.returncode is None:
            self._kill_group(self._process.pid)

    async def _run_once(self) -> int:
        self.program.trim_log()
        wrapped = (sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), str(self.lifeline.read_fd))
        with self.program.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *wrapped,
                *self.program.command,
                env=dict(self.program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.lifeline.read_fd,),
                # A session of its own: Ctrl-C reaches the supervisor alone, which then ends all in order.
                start_new_session=True,
            )
        status = await self._process.wait()
        self._kill_group(self._process.pid)  # whatever it may have left behind
        self.on_death(self._process.pid)
        return status

    @staticmethod
    def _signal(process: asyncio.subprocess.Process, signal_number: int) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(signal_number)

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
