"""The zygote: one warm, single-threaded process that forks a child for each picture and outlives none of its parents.

It reads jobs from its standard input and writes lines to its standard output, each with a letter first:
`r` ready (JSON), `a` an answer of the child, passed on unread, `x` the child's end (JSON). `kill` ends the child.
The child has a pipe of its own, so nothing that a picture takes over can speak for the zygote or read another's job.
"""

import contextlib
import errno
import gc
import json
import os
import resource
import select
import signal
import sys
import threading
from typing import Never

from wand.exceptions import WandException
from wand.version import MAGICK_VERSION

from app.rendering.child.avif import AVIFEncoder
from app.rendering.child.confinement import confine, die_with_parent, missing_features
from app.rendering.child.excess import Watch
from app.rendering.child.heap import prefer_heap
from app.rendering.child.landlock import landlock_abi
from app.rendering.child.render import render_job
from app.rendering.child.warm import CoderMissing, warm_up
from app.rendering.wire import ChildAnswer, Confined, JobOrder, NotConfined, make_answer, parse_job

_IN, _OUT = 0, 1
_PIECE_BYTES = 64 * 1024
_KILL = b"kill"
# The kernel's favourite victims when memory runs out: a child is worth less than its worker.
_OOM_SCORE = b"900"
_EX_SOFTWARE = 70


def main() -> None:
    """Get ready, then serve jobs until the parent closes the pipe."""
    die_with_parent(int(sys.argv[1]))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:  # noqa: PTH123 - plain procfs
        file.write(_OOM_SCORE)
    try:
        avif = warm_up()
    except (CoderMissing, WandException, OSError) as error:
        _say(b"r", {"error": str(error)})
        sys.exit(1)
    features = {"missing": missing_features(), "landlock_abi": landlock_abi()}
    _say(b"r", {**features, "magick": MAGICK_VERSION, "has_avif_encoder": avif is not None})
    # What is alive now stays for ever: the collector must not touch, and so copy, pages shared with children.
    gc.collect()
    gc.freeze()
    _Zygote(avif).serve()


def _say(letter: bytes, fields: dict[str, object]) -> None:
    _write_all(_OUT, letter + json.dumps(fields).encode() + b"\n")


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


class _Zygote:
    def __init__(self, avif: AVIFEncoder | None) -> None:
        self._avif = avif
        self._commands = b""
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def serve(self) -> None:
        """One job after the other."""
        while (line := self._read_command()) is not None:
            if line != _KILL:  # a kill that crossed the end of its child
                self._run(parse_job(line))

    def _read_command(self) -> bytes | None:
        while b"\n" not in self._commands:
            piece = os.read(_IN, _PIECE_BYTES)
            if not piece:
                return None
            self._commands += piece
        line, _, self._commands = self._commands.partition(b"\n")
        return line

    def _run(self, order: JobOrder) -> None:
        reading, writing = os.pipe()
        own_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.dup2(self._null, 0)
            os.dup2(self._null, 2)  # what libraries print is the picture's to choose
            os.dup2(writing, 1)
            _be_child(order, own_pid, self._avif)
        os.close(writing)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does the same; whoever is first
        watch = Watch(pid, order)
        is_orphaned = self._relay(reading, pid, watch)
        # The pipe's end is the child's end: one that closed it and stays has nothing more to say.
        _kill_group(pid)
        _, status, usage = os.wait4(pid, 0)
        os.close(reading)
        if is_orphaned:
            os._exit(0)
        _say(b"x", {**_describe_end(status, usage), "excess": watch.excess})

    def _relay(self, reading: int, pid: int, watch: Watch) -> bool:
        """Pass the child's lines on until it ends; true where the parent has gone."""
        pending = b""
        while True:
            ready, _, _ = select.select([_IN, reading], [], [], watch.pause_s)
            if watch.has_excess():
                _kill_group(pid)
                return False
            if _IN in ready:
                piece = os.read(_IN, _PIECE_BYTES)
                if not piece or piece.strip() == _KILL:
                    _kill_group(pid)
                    return not piece
                self._commands += piece
            if reading in ready:
                piece = os.read(reading, _PIECE_BYTES)
                if not piece:
                    return False
                *lines, pending = (pending + piece).split(b"\n")
                _write_all(_OUT, b"".join(b"a" + line + b"\n" for line in lines))
                if len(pending) > _PIECE_BYTES:
                    watch.excess = "line"
                    _kill_group(pid)
                    return False


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # the group may not be there yet
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)


def _describe_end(status: int, usage: resource.struct_rusage) -> dict[str, object]:
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 4),
        # Kilobytes on Linux, bytes on macOS.
        "max_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _be_child(order: JobOrder, parent_pid: int, avif: AVIFEncoder | None) -> Never:
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        die_with_parent(parent_pid)
        os.closerange(3, os.sysconf("SC_OPEN_MAX") if sys.platform != "linux" else 2**31 - 1)
        prefer_heap()
        teller = _Teller()
        try:
            confine(order)
        except OSError as error:
            teller.tell(NotConfined(errno.errorcode.get(error.errno or 0, "OSError"), str(error)), 0)
            os._exit(0)
        teller.tell(Confined(), 0)
        render_job(order, teller.tell, avif=avif)
        os._exit(0)
    finally:
        os._exit(_EX_SOFTWARE)  # the traceback has nowhere to go


class _Teller:
    """Writes answers to the child's standard output, one thread at a time: pipes tear lines above 4 KiB."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, answer: ChildAnswer, index: int) -> None:
        with self._lock:
            _write_all(_OUT, make_answer(answer, index=index))


if __name__ == "__main__":
    main()
