"""A running Safelight with one photograph in it, for the benchmarks."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.servers.redis import run_redis
from tests.support.site import Site, run_site

CORPUS = Path(os.environ.get("SAFELIGHT_CORPUS", Path(__file__).parents[2] / "shared" / "corpora"))
PHOTO = CORPUS / "photos" / "p12-train.jpg"


@contextlib.contextmanager
def running_site(environment: Mapping[str, str] | None = None, *, workers: int = 1) -> Iterator[Site]:
    """One API and `workers` workers on SQLite and a directory, gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="safelight-bench-") as folder,
        run_redis() as redis,
        run_site(Path(folder), redis_url=redis.url, workers=workers, environment=environment) as site,
    ):
        yield site


def pin(pid: int, core: int) -> None:
    """Keep a process and its threads on one core, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
