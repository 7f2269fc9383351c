"""One `/metrics` for all processes of a `safelight run`: each writes its figures to a file of its role.

The files are replaced as a whole and never mapped into memory. prometheus_client's own multiprocess mode maps sparse
files, and writing to one on a full disk kills the process (SIGBUS); a removed folder would lose the figures for good.
"""

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

SHARED_METRICS_VARIABLE = "SHARED_METRICS_DIR"
"""Names the folder to the processes of a `safelight run`; no setting, as only the supervisor knows it."""
_WRITE_EVERY_S = 1.0
_ANSWER_S = 0.5
"""Of a process that is asked for its newest figures; after it those that it wrote last are shown."""
_LOOK_EVERY_S = 0.005
_MAX_REQUESTS = 4096
_PIPE_SUFFIX = ".pipe"
_PREFIX = "safelight_"
_PID_LINE = "# pid "


class SharedMetrics:
    """The file of one role (api, worker). Counters of the role's earlier processes are in it and go on from there.

    Beside it lies a pipe: a byte in it asks for the newest figures.
    """

    def __init__(self, folder: Path, role: str) -> None:
        self._folder = folder
        self._path = folder / f"{role}.prom"
        self._pipe = _RequestPipe(self._path.with_suffix(_PIPE_SUFFIX))
        self._before = _read_file(self._path, with_gauges=False)
        self._written = b""
        self._lock = threading.Lock()

    def write(self, *, is_asked: bool = False) -> None:
        """Replace the file, if there is news or another process waits for it.

        Raises:
            OSError: the disk is full, or the folder cannot be created.
        """
        with self._lock:
            text = f"{_PID_LINE}{os.getpid()}\n".encode() + _format(self._collect())
            if text == self._written and not is_asked and self._path.exists():
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".draft")
            draft.write_bytes(text)
            draft.replace(self._path)
            self._written = text

    def write_until(self, stopped: threading.Event) -> None:
        """Write every second and when asked, and once more at the end."""
        is_asked = False
        while True:
            # On a full disk the last figures stay; the next write that succeeds has all since then.
            with contextlib.suppress(OSError):
                self.write(is_asked=is_asked)
            if stopped.is_set():
                self._pipe.close()
                return
            is_asked = self._pipe.wait(_WRITE_EVERY_S)

    def wake(self) -> None:
        """End a wait of `write_until`."""
        _ask(self._path)

    def collect_all(self) -> list[Metric]:
        """Figures of this process and of the others, as they are now; of one that does not answer those before."""
        others = {path: _file_id(path) for path in self._folder.glob("*.prom") if path != self._path}
        _wait_for_news({path: known for path, known in others.items() if _ask(path)})
        return _add_up([self._collect(), *(_read_file(path) for path in others)])

    def _collect(self) -> list[Metric]:
        return _add_up([_own_families(), self._before])


class _RequestPipe:
    """A named pipe, created again where it has been removed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def wait(self, within_s: float) -> bool:
        """Wait until a byte arrives; was there one? OSErrors only make it wait in vain."""
        with contextlib.suppress(OSError):
            self._open()
        if self._fd is None:
            time.sleep(within_s)
            return False
        readable, _, _ = select.select([self._fd], [], [], within_s)
        return bool(readable) and bool(os.read(self._fd, _MAX_REQUESTS))

    def close(self) -> None:
        """Remove it."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _open(self) -> None:
        if self._fd is not None and self._path.exists():
            return
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path, 0o600)
        # Also for writing, or `select` would find its end readable whenever no other process has it open.
        self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


_shared: SharedMetrics | None = None


@contextlib.contextmanager
def sharing_metrics(role: str) -> Iterator[None]:
    """Write the figures of this process while the context lasts, where a supervisor asked for it."""
    global _shared  # noqa: PLW0603  (as the library's registry, it is the process's)
    folder = os.environ.get(SHARED_METRICS_VARIABLE)
    if not folder:
        yield
        return
    _shared = SharedMetrics(Path(folder), role)
    stopped = threading.Event()
    writer = threading.Thread(target=_shared.write_until, args=(stopped,), name="shared-metrics", daemon=True)
    writer.start()
    try:
        yield
    finally:
        stopped.set()
        _shared.wake()
        writer.join()


def read_metrics(further: Iterable[Metric] = ()) -> tuple[bytes, str]:
    """The figures in Prometheus' format and its media type; `further` are those that were read just now. Blocks."""
    if _shared is None:
        return generate_latest(REGISTRY) + _format(further), CONTENT_TYPE_LATEST
    # Written first: a counter that was shown must not step back when this process is killed.
    with contextlib.suppress(OSError):
        _shared.write()
    return _format([*_shared.collect_all(), *further]), CONTENT_TYPE_LATEST


def _ask(path: Path) -> bool:
    """Ask the process that writes this file for its newest figures; False where it is gone."""
    try:
        fd = os.open(path.with_suffix(_PIPE_SUFFIX), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, b"?")
    except OSError:  # it was asked so often and has not looked
        return False
    finally:
        os.close(fd)
    return True


def _wait_for_news(before: Mapping[Path, int]) -> None:
    give_up_at = time.monotonic() + _ANSWER_S
    while any(_file_id(path) == known for path, known in before.items()) and time.monotonic() < give_up_at:
        time.sleep(_LOOK_EVERY_S)


def _file_id(path: Path) -> int:
    # Each version is a file of its own: the one before is still there when the next one is created.
    with contextlib.suppress(OSError):
        return path.stat().st_ino
    return 0


class _Families:
    """Families of samples, as `generate_latest` wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _format(families: Iterable[Metric]) -> bytes:
    return generate_latest(_Families(families))


def _own_families() -> Iterator[Metric]:
    return (family for family in REGISTRY.collect() if family.name.startswith(_PREFIX))


def _read_file(path: Path, *, with_gauges: bool = True) -> list[Metric]:
    try:
        first, _, text = path.read_text().partition("\n")
        with_gauges = with_gauges and _is_alive(int(first.removeprefix(_PID_LINE)))
        families = list(text_string_to_metric_families(text))
    except (OSError, ValueError):  # not there, or cut off by the end of the machine
        return []
    # What a dead process held at its end says nothing of now.
    return [family for family in families if with_gauges or family.type != "gauge"]


def _add_up(groups: Iterable[Iterable[Metric]]) -> list[Metric]:
    families: dict[str, Metric] = {}
    totals: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}
    for family in (family for group in groups for family in group):
        families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                key = (family.name, sample.name, tuple(sorted(sample.labels.items())))
                totals[key] = totals.get(key, 0) + sample.value
    for (name, sample_name, labels), value in totals.items():
        families[name].add_sample(sample_name, dict(labels), value)
    return list(families.values())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
