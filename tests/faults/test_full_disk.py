"""`safelight run` with its whole data folder on a disk that is full: what needs no room goes on."""

import os
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.workers.queue_worker import SPARE_SLOTS
from tests.support.client import Client, GraphQLFailure
from tests.support.command_runner import Running, started
from tests.support.library_queries import DELETE_MANY
from tests.support.load import send_patiently, wait_complete
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg
from tests.support.scenario import travel
from tests.support.servers.ports import find_free_port
from tests.support.small_disks import DISK_BYTES, fill
from tests.support.waiting import LIMIT_S, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a small file system is mounted")

READS = 60
LASTING_PROCESSES = len(("redis", "api", "worker")) + 1 + SPARE_SLOTS
"""Those that are there when no image is rendered: the parts, and a sandbox for each slot of the one worker."""


@pytest.fixture
def base_url() -> str:
    return f"http://127.0.0.1:{find_free_port()}"


@pytest.fixture
def running(small_disk: Path, base_url: str, tmp_path: Path) -> Iterator[Running]:
    environment = {
        "SAFELIGHT_DATA_DIR": str(small_disk / "data"),
        "SAFELIGHT_PORT": base_url.rpartition(":")[2],
        "SAFELIGHT_WORKERS": "1",
        # Each picture comes from the disk.
        "SAFELIGHT_MEMORY_CACHE_BYTES": "0",
        "SAFELIGHT_SWEEP_EVERY_S": "0.5",
        "PYTHONPATH": str(ROOT),
    }
    with started([sys.executable, "-m", "app", "run"], environment, tmp_path) as command:
        yield command


async def test_reads_go_on_uploads_are_put_off_and_all_recovers(
    running: Running, small_disk: Path, base_url: str
) -> None:
    key = running.read_until(r"^sl_\S{32,}$")
    running.read_until("Stop")
    journey = await travel(base_url, key, make_jpeg(500, 400))
    await eventually(lambda: len(running.descendants()) == LASTING_PROCESSES, "no image is in the sandbox")
    processes = running.descendants()
    content = make_jpeg(1500, 1000, noise=True)
    async with Client(base_url, key) as client, httpx.AsyncClient(base_url=base_url, timeout=LIMIT_S) as stranger:
        session = await client.open_session(len(content))
        filler = fill(small_disk, left_bytes=0)

        for _ in range(READS // len(journey.urls) + 1):
            answers = [await stranger.get(url) for url in journey.urls]
            assert {answer.status_code for answer in answers} == {200}
            assert (await stranger.get("/healthz")).status_code == 200
            figures = await stranger.get("/metrics")
            assert figures.status_code == 200
            assert re.search(r'^safelight_uploads_total\{outcome="created"\} 1', figures.text, re.MULTILINE)
        refused = await client.send(session, content)
        assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE"), refused.text
        assert int(refused.headers["retry-after"]) >= 1
        with pytest.raises(GraphQLFailure) as failure:
            await client.open_session(len(content))
        assert failure.value.code == "UNAVAILABLE"
        # Nothing died of it.
        assert processes.keys() <= running.descendants().keys(), running.lines
        filler.unlink()

        sent = await send_patiently(client, content, session=session)
        await wait_complete(client, [sent])
    assert processes.keys() <= running.descendants().keys(), running.lines
    assert running.end(signal.SIGTERM) == 0


async def test_uploads_leave_a_reserve_in_which_images_can_be_deleted(
    running: Running, small_disk: Path, base_url: str
) -> None:
    key = running.read_until(r"^sl_\S{32,}$")
    running.read_until("Stop")
    journey = await travel(base_url, key, make_jpeg(500, 400))
    content = make_jpeg(600, 400, noise=True)
    async with Client(base_url, key) as client:
        session = await client.open_session(len(content))
        # Room for this file, and less than a twentieth of the disk.
        fill(small_disk, left_bytes=DISK_BYTES // 25)
        assert len(content) < DISK_BYTES // 25

        refused = await client.send(session, content)
        deleted = await client.ask(DELETE_MANY, ids=[journey.image_id])

    assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE"), refused.text
    assert deleted["deleteImages"]["deletedIds"] == [journey.image_id]


async def test_figures_survive_a_removed_folder_and_killed_processes(
    running: Running, small_disk: Path, base_url: str
) -> None:
    key = running.read_until(r"^sl_\S{32,}$")
    running.read_until("Stop")
    await travel(base_url, key, make_jpeg(500, 400))
    async with httpx.AsyncClient(base_url=base_url, timeout=LIMIT_S) as http:
        before = await _read_counts(http)
        for part in ("app worker", "app api"):
            os.kill(running.pid_of(part), signal.SIGKILL)
            running.read_until("again in")
        await eventually(lambda: _is_ready(http), ignoring=(httpx.TransportError,))
        # `/readyz` may still count the worker that was killed; each new process reads the file of the one before it.
        await eventually(lambda: all(_has_written(running, small_disk, role) for role in ("worker", "api")))

        # Counters go on where those before them ended.
        after = await _read_counts(http)
        assert before["safelight_renders_total"] == after["safelight_renders_total"] > 0
        assert after["safelight_uploads_total"] == before["safelight_uploads_total"] == 1

        shutil.rmtree(small_disk / "data" / "metrics")

        async def is_whole() -> bool:
            return (await _read_counts(http))["safelight_renders_total"] == before["safelight_renders_total"]

        await eventually(is_whole)
        assert (await _read_counts(http))["safelight_uploads_total"] == 1


def _has_written(running: Running, disk: Path, role: str) -> bool:
    first_line = (disk / "data" / "metrics" / f"{role}.prom").read_text().partition("\n")[0]
    return first_line in {f"# pid {pid}" for pid in running.descendants()}


async def _is_ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 200


async def _read_counts(http: httpx.AsyncClient) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, value in re.findall(r"^(safelight_\w+_total)\S* (\S+)$", (await http.get("/metrics")).text, re.MULTILINE):
        counts[name] += int(float(value))
    return counts
