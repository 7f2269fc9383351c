"""`safelight run` with the real API and worker: what `make run` gives a newcomer."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from tests.support.command_runner import Running, started, wait_until_gone
from tests.support.paths import ROOT
from tests.support.pictures import make_jpeg
from tests.support.scenario import travel
from tests.support.waiting import LIMIT_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

Start = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def base_url(free_port: int) -> str:
    return f"http://127.0.0.1:{free_port}"


@pytest.fixture
def start(tmp_path: Path, free_port: int) -> Start:
    def begin(**environment: str) -> AbstractContextManager[Running]:
        settings = {
            "SAFELIGHT_DATA_DIR": str(tmp_path / "data"),
            "SAFELIGHT_PORT": str(free_port),
            "SAFELIGHT_WORKERS": "1",
            "PYTHONPATH": str(ROOT),
        }
        return started([sys.executable, "-m", "app", "run"], settings | environment, tmp_path)

    return begin


@pytest.fixture
def running(start: Start) -> Iterator[Running]:
    with start() as command:
        yield command


def read_key(running: Running) -> str:
    key = running.read_until(r"^sl_\S{32,}$")
    running.read_until("Stop")
    return key


async def test_picture_goes_the_whole_way_and_ctrl_c_ends_all(running: Running, base_url: str, tmp_path: Path) -> None:
    key = read_key(running)

    journey = await travel(base_url, key, make_jpeg(1200, 900))

    assert journey.events[-1]["complete"] is True
    assert [variant["ready"] for variant in journey.events[-1]["stableVariants"]] == [True] * len(journey.urls)
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        answers = [await client.get(url) for url in journey.urls]
        figures = (await client.get(f"{base_url}/metrics")).text
    assert {answer.status_code for answer in answers} == {200}
    check_figures(figures)
    await check_pasted_line(running, base_url, tmp_path)
    children = running.descendants()
    assert running.end(signal.SIGINT) == 0
    wait_until_gone(children)


def check_figures(text: str) -> None:
    """One address shows those of the API and of the worker."""
    assert re.search(r'^safelight_uploads_total\{outcome="created"\} 1', text, re.MULTILINE)
    assert re.search(
        r'^safelight_renders_total\{family="webp",outcome="ready"\} [1-9]', text, re.MULTILINE | re.IGNORECASE
    )


async def check_pasted_line(running: Running, base_url: str, tmp_path: Path) -> None:
    """The line that sends pictures works as it stands."""
    (tmp_path / "beach.jpg").write_bytes(make_jpeg(400, 300))
    (line,) = (line for line in running.lines if line.startswith("  Command "))
    done = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-c", line.split(maxsplit=1)[1]],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"beach.jpg\toriginal:original\tREADY\t{base_url}/f/" in done.stdout


async def test_nothing_is_left_after_kill_9_and_the_next_start_goes_on(start: Start, base_url: str) -> None:
    with start() as first:
        key = read_key(first)
        await travel(base_url, key, make_jpeg(400, 300))
        children = first.descendants()

        first.end(signal.SIGKILL)

        wait_until_gone(children)
    with start() as second:
        line = second.read_until(r"^  Command +(.*)")
        second.read_until("Stop")
        assert not any(line.startswith("sl_") for line in second.lines)
        # It names the key that it does not know.
        assert f"SAFELIGHT_URL={base_url} SAFELIGHT_KEY=sl_… " in line
        assert not re.search(r"sl_\w{8}", "\n".join(second.lines))
        journey = await travel(base_url, key, make_jpeg(500, 300))
        assert journey.events[-1]["complete"] is True


@pytest.mark.full("a start of everything; test_supervisor shows the same with small programs")
async def test_worker_that_is_killed_comes_back_and_works(running: Running, base_url: str) -> None:
    key = read_key(running)

    os.kill(running.pid_of(r"-m app worker"), signal.SIGKILL)
    running.read_until("worker was ended by signal 9")
    journey = await travel(base_url, key, make_jpeg(400, 300))

    assert journey.events[-1]["complete"] is True


@pytest.mark.full("a start of everything; tests of the account's first key are nearest")
async def test_own_key_and_secret_are_taken(start: Start, base_url: str, tmp_path: Path) -> None:
    key = "sl_" + "a-key-of-my-own-" * 3
    with start(SAFELIGHT_BOOTSTRAP_KEY=key, SAFELIGHT_SECRET="s" * 40) as running:
        running.read_until("Stop")
        journey = await travel(base_url, key, make_jpeg(400, 300))

    assert journey.events[-1]["complete"] is True
    assert not [line for line in running.lines if key in line]
    assert not (tmp_path / "data" / "secret").exists()


FULL = pytest.mark.full("a process each; others of the kind are in the first tier")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAFELIGHT_PORT", "eighty"),
        pytest.param("SAFELIGHT_SECRET", "short", marks=FULL),
        pytest.param("SAFELIGHT_BOOTSTRAP_KEY", "password", marks=FULL),
        pytest.param("SAFELIGHT_STORE_URL", "ftp://somewhere/else", marks=FULL),
        pytest.param("SAFELIGHT_STORE_URL", "s3://key:secret@127.0.0.1:1/bucket?secure=0", marks=FULL),
        pytest.param("SAFELIGHT_DATABASE_URL", "mysql://somewhere/else", marks=FULL),
        ("SAFELIGHT_DATABASE_URL", "postgresql+asyncpg://somebody:x@127.0.0.1:1/none"),
        pytest.param("SAFELIGHT_REDIS_URL", "redis://127.0.0.1:1/0", marks=FULL),
    ],
)
def test_wrong_setting_is_one_clear_line(start: Start, name: str, value: str) -> None:
    with start(**{name: value}) as running:
        status = running.wait()

    complaints = [
        line for line in running.lines if line and not line.endswith("…") and not line.startswith(("sl_", "Acc"))
    ]
    assert status != 0
    assert len(complaints) == 1, running.lines
    assert name in complaints[0]
    assert "Traceback" not in complaints[0]
