"""As the supervisor does: start programs again when they end, a little later each time."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.site import Program
from tests.support.waiting import LIMIT_S

_FIRST_DELAY_S, _LONGEST_DELAY_S, _STEADY_AFTER_S = 0.2, 3.0, 10.0
_LOOK_EVERY_S = 0.02


class Keeper(threading.Thread):
    """Keeps some programs running; `stop` before they are ended on purpose."""

    def __init__(self, programs: Sequence[Program]) -> None:
        super().__init__(daemon=True)
        self._programs = programs
        self._delays_s = dict.fromkeys(map(id, programs), _FIRST_DELAY_S)
        self._started_at = dict.fromkeys(map(id, programs), 0.0)
        self._due_at: dict[int, float] = {}
        self._stopped = threading.Event()
        self.restarts = 0

    def run(self) -> None:
        """Look again and again."""
        while not self._stopped.wait(_LOOK_EVERY_S):
            for program in self._programs:
                self._look_after(program)

    def _look_after(self, program: Program) -> None:
        key, now = id(program), time.monotonic()
        if program.process is None or program.process.poll() is None:
            return
        if key not in self._due_at:
            if now - self._started_at[key] > _STEADY_AFTER_S:
                self._delays_s[key] = _FIRST_DELAY_S
            self._due_at[key] = now + self._delays_s[key]
            self._delays_s[key] = min(self._delays_s[key] * 2, _LONGEST_DELAY_S)
        elif now >= self._due_at[key]:
            del self._due_at[key]
            program.start()
            self.restarts += 1
            self._started_at[key] = now

    def stop(self) -> None:
        """Let be what ends from now on."""
        self._stopped.set()
        self.join(LIMIT_S)


@contextmanager
def kept_running(*programs: Program) -> Iterator[Keeper]:
    """Start these programs again whenever they end, while the context lasts."""
    keeper = Keeper(programs)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()


def descendants_of(pid: int) -> list[int]:
    """Processes below one, the nearest first; none where it is gone."""
    parents = {int(path.name): _parent_of(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found: list[int] = []
    front = {pid}
    while front:
        front = {child for child, parent in parents.items() if parent in front}
        found += sorted(front)
    return found


def children_of(pid: int) -> list[int]:
    """The processes that a single-threaded one has started; none where it is gone."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid: int) -> bytes:
    """A process's command line, its words ended by NUL; nothing where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def processes_of_site(data_dir: Path) -> list[int]:
    """All processes of a site: its APIs and workers and all below them."""
    mark = f"SAFELIGHT_DATA_DIR={data_dir}".encode()
    own = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and mark in _environment(path)]
    return sorted({*own, *(child for pid in own for child in descendants_of(pid))})


def kill_pid(pid: int, number: int = 9) -> bool:
    """Send a signal to one process; False where it is gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


async def hold_children(worker_pid: int, count: int) -> list[int]:
    """Stop so many pictures' processes of a worker as they come, with SIGSTOP: each stands for one without an end."""
    held: list[int] = []
    async with asyncio.timeout(LIMIT_S):
        while len(held) < count:
            below = {pid for zygote in zygotes_of(worker_pid) for pid in children_of(zygote)}
            held += [pid for pid in below - {*held} if kill_pid(pid, signal.SIGSTOP)]
            # Looked for quickly: they shall be stopped in the midst of their work.
            await asyncio.sleep(0.002)
    return held


def zygotes_of(worker_pid: int) -> list[int]:
    """The warm processes from which those of a worker's pictures are forked."""
    return [pid for pid in children_of(worker_pid) if b"app.rendering.child.zygote" in command_of(pid)]


def _environment(process: Path) -> list[bytes]:
    with suppress(OSError):
        return (process / "environ").read_bytes().split(b"\0")
    return []


def _parent_of(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
