"""A command under test: its output line by line, its descendants, and whether they are gone."""

import os
import queue
import re
import selectors
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.waiting import LIMIT_S, wait_until


class Running:
    """A started command, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._new_lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._new_lines.put(line.rstrip())
        self._new_lines.put(None)

    def read_until(self, pattern: str) -> str:
        """The first new line that holds the pattern; an error with everything said where none comes."""
        with suppress(queue.Empty):
            while (line := self._new_lines.get(timeout=LIMIT_S)) is not None:
                self.lines.append(line)
                if re.search(pattern, line):
                    return line
        raise AssertionError(f"no line with {pattern!r}; it said: {self.lines}")

    def end(self, signal_number: int) -> int:
        """Send the signal; gives the exit status."""
        self.process.send_signal(signal_number)
        return self.wait()

    def wait(self) -> int:
        """The exit status; from now on `lines` holds everything it said."""
        status = self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        while not self._new_lines.empty():
            line = self._new_lines.get()
            self.lines += [line] if line is not None else []
        return status

    def descendants(self) -> dict[int, str]:
        """Process ids of everything below it, with their command lines. Linux only."""
        parents = {pid: _parent_of(pid) for pid in _all_pids()}
        found: dict[int, str] = {}
        front = {self.process.pid}
        while front:
            front = {pid for pid, parent in parents.items() if parent in front}
            found |= {pid: _command_of(pid) for pid in front}
        return found

    def pid_of(self, pattern: str) -> int:
        """The descendant whose command line holds the pattern."""
        return next(pid for pid, command in self.descendants().items() if re.search(pattern, command))


@contextmanager
def started(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[Running]:
    """Run it in `folder` without the caller's own SAFELIGHT_ settings; killed at the end with all it started."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SAFELIGHT_", "CI"))}
    inherited["PYTHONUNBUFFERED"] = "1"
    process = subprocess.Popen(
        command,
        env=inherited | dict(environment),
        cwd=folder,
        bufsize=1,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Running(process)
    try:
        yield running
    finally:
        for pid in [*running.descendants(), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.wait()
        assert process.stdout is not None
        process.stdout.close()


def alive(pids: Mapping[int, str]) -> dict[int, str]:
    """Those of the processes that live now."""
    return {pid: command for pid, command in pids.items() if not _is_gone(pid)}


def wait_until_gone(pids: Mapping[int, str]) -> None:
    """Return when none of the processes lives."""
    wait_until(lambda: not alive(pids), lambda: f"still there: {alive(pids)}")


def _is_gone(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            return bool(selector.select(0))
    finally:
        os.close(handle)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _parent_of(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""
