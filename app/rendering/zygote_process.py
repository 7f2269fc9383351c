"""The parent's end of one zygote: start it, hand it a job, read its lines, end it. Never waits without a limit."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import Unavailable
from app.rendering.wire import MAX_LINE_BYTES

_POLICY_DIR = Path(__file__).parent
_IMPORT_ROOT = Path(__file__).parents[2]
# `-I` keeps the environment and the working directory out of the import path, so the root is put in by hand.
_BOOTSTRAP = (
    "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module('app.rendering.child.zygote', run_name='__main__')"
)

# Where ImageMagick lies if not in the usual place (Homebrew, Nix). Nothing else of the environment goes in.
_PASSED_ON = (
    *("MAGICK_HOME", "WAND_MAGICK_LIBRARY_SUFFIX", "LD_LIBRARY_PATH"),
    *("DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
)
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",  # Wand looks for its library by `ldconfig`
    "LC_ALL": "C.UTF-8",
    "MAGICK_CONFIGURE_PATH": str(_POLICY_DIR),
    "MAGICK_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    # A second arena would be of small pages, and reserve 64 MiB of address space, which is limited.
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


class ZygoteGone(Exception):
    """The zygote has ended, or does not answer."""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended and what it used."""

    signal: int | None
    exit_code: int | None
    cpu_s: float
    max_rss_bytes: int
    excess: str | None = None
    """The limit for which the zygote ended it: `threads`, `bytes`, or `line`."""


class ZygoteProcess:
    """A running zygote. One job at a time; `is_alive` before each."""

    def __init__(self, process: asyncio.subprocess.Process, ready: Mapping[str, object]) -> None:
        self._process = process
        self.jobs_done = 0
        missing = ready.get("missing")
        self.missing_features: list[str] = [str(name) for name in missing] if isinstance(missing, list) else []
        abi = ready.get("landlock_abi")
        self.landlock_abi = abi if isinstance(abi, int) else 0
        self.has_avif_encoder = ready.get("has_avif_encoder") is True
        self.magick_version = str(ready.get("magick"))

    @property
    def pid(self) -> int:
        """The process' id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once its end has been noticed."""
        return self._process.returncode is None

    async def send_job(self, line: bytes) -> None:
        """Begin a job.

        Raises:
            ZygoteGone: nobody reads.
        """
        await self._send(line)
        self.jobs_done += 1

    async def kill_child(self, *, timeout_s: float) -> ChildEnd:
        """End the job's child and wait until the zygote confirms it.

        Raises:
            ZygoteGone: it did not, in time; the caller must end the zygote.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(b"kill\n")
                while True:
                    line = await self.read_line()
                    if isinstance(line, ChildEnd):
                        return line
        except TimeoutError as error:
            raise ZygoteGone("silent") from error

    async def read_line(self) -> bytes | ChildEnd:
        """The child's next line, or its end.

        Raises:
            ZygoteGone: the pipe has ended, or what came is no line.
        """
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
        except ValueError as error:  # longer than MAX_LINE_BYTES
            raise ZygoteGone("overlong line") from error
        if line.endswith(b"\n"):
            if line.startswith(b"a"):
                return line[1:]
            if line.startswith(b"x"):
                return ChildEnd(**json.loads(line[1:]))
        raise ZygoteGone("pipe closed")

    async def end(self) -> None:
        """Kill it, its children with it, and take leave of the process. Harmless when repeated."""
        if not self.is_alive:
            return
        # A session of its own: the group is the zygote; children follow by the kernel's parent-death signal.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            await self._process.stdin.drain()
        except (OSError, RuntimeError) as error:  # uvloop raises RuntimeError for a closed pipe
            raise ZygoteGone("not reading") from error


async def start_zygote(*, timeout_s: float) -> ZygoteProcess:
    """Start one and wait until it is warm: about 0.4 s.

    Raises:
        Unavailable: it cannot be started; the message says what is missing.
    """
    arguments = (sys.executable, "-I", "-c", _BOOTSTRAP, str(_IMPORT_ROOT), str(os.getpid()))
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_ENVIRONMENT | passed_on,
            cwd="/",
            start_new_session=True,  # a terminal's Ctrl-C is the parent's to answer
            limit=MAX_LINE_BYTES,
        )
    except OSError as error:
        raise Unavailable("The renderer could not be started.") from error
    try:
        ready = await _read_ready(process, timeout_s)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        raise
    return ZygoteProcess(process, ready)


async def _read_ready(process: asyncio.subprocess.Process, timeout_s: float) -> Mapping[str, object]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(timeout_s):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise Unavailable("The renderer did not get ready in time.") from error
    if not line.startswith(b"r"):
        raise Unavailable("The renderer ended while starting; is ImageMagick's library (libmagickwand) installed?")
    ready: dict[str, object] = json.loads(line[1:])
    if "error" in ready:
        raise Unavailable(f"The renderer cannot work: {ready['error']}.")
    return ready
