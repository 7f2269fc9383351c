"""One `/metrics` for all processes of a `safelight run`: each writes its figures to a file of its role.

The files are replaced as a whole and never mapped into memory. prometheus_client's own multiprocess mode maps sparse
files, and writing to one on a full disk kills the process (SIGBUS); a removed folder would lose the figures for good.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

SHARED_METRICS_VARIABLE = "SHARED_METRICS_DIR"
"""Names the folder to the processes of a `safelight run`; no setting, as only the supervisor knows it."""
_WRITE_EVERY_S = 1.0
_PREFIX = "safelight_"
_PID_LINE = "# pid "


class SharedMetrics:
    """The file of one role (api, worker). Counters of the role's earlier processes are in it and go on from there."""

    def __init__(self, folder: Path, role: str) -> None:
        self._folder = folder
        self._path = folder / f"{role}.prom"
        self._before = _read_file(self._path, with_gauges=False)
        self._written = b""
        self._lock = threading.Lock()

    def write(self) -> None:
        """Replace the file, if there is news.

        Raises:
            OSError: the disk is full, or the folder cannot be created.
        """
        with self._lock:
            text = f"{_PID_LINE}{os.getpid()}\n".encode() + _format(self._collect())
            if text == self._written and self._path.exists():
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".draft")
            draft.write_bytes(text)
            draft.replace(self._path)
            self._written = text

    def collect_all(self) -> list[Metric]:
        """Figures of this process as they are now, and of the others as they last wrote them."""
        others = [path for path in self._folder.glob("*.prom") if path != self._path]
        return _add_up([self._collect(), *(_read_file(path) for path in others)])

    def _collect(self) -> list[Metric]:
        return _add_up([_own_families(), self._before])


_shared: SharedMetrics | None = None


@contextlib.contextmanager
def sharing_metrics(role: str) -> Iterator[None]:
    """Write the figures of this process every second while the context lasts, where a supervisor asked for it."""
    global _shared  # noqa: PLW0603  (as the library's registry, it is the process's)
    folder = os.environ.get(SHARED_METRICS_VARIABLE)
    if not folder:
        yield
        return
    _shared = SharedMetrics(Path(folder), role)
    stopped = threading.Event()
    writer = threading.Thread(target=_write_until, args=(_shared, stopped), name="shared-metrics", daemon=True)
    writer.start()
    try:
        yield
    finally:
        stopped.set()
        writer.join()


def read_metrics(further: Iterable[Metric] = ()) -> tuple[bytes, str]:
    """The figures in Prometheus' format and its media type; `further` are those that were read just now."""
    if _shared is None:
        return generate_latest(REGISTRY) + _format(further), CONTENT_TYPE_LATEST
    # Written first: a counter that was shown must not step back when this process is killed.
    with contextlib.suppress(OSError):
        _shared.write()
    return _format([*_shared.collect_all(), *further]), CONTENT_TYPE_LATEST


def _write_until(shared: SharedMetrics, stopped: threading.Event) -> None:
    while True:
        is_last = stopped.wait(_WRITE_EVERY_S)
        # On a full disk the last figures stay; the next write that succeeds has all since then.
        with contextlib.suppress(OSError):
            shared.write()
        if is_last:
            return


class _Families:
    """Families of samples, as `generate_latest` wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _format(families: Iterable[Metric]) -> bytes:
    return generate_latest(_Families(families))  # type: ignore[arg-type]  # it calls `collect` alone


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
