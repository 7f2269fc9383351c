"""What `safelight run` survives: files, folders, descriptors and terminals that go while it runs."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from tests.support.command_runner import Running, wait_until_gone
from tests.support.process_control import command_of, descendants_of
from tests.support.supervisor_fixtures import StartToy, ToyCommand, in_terminal
from tests.support.waiting import LIMIT_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

WORKER, REDIS = "toy_supervisor.py worker", "redis-server"


@pytest.fixture
def redis_url(toy_command: ToyCommand) -> str:
    return f"unix://{toy_command.environment['SAFELIGHT_DATA_DIR']}/redis/redis.sock"


@pytest.fixture
def data_dir(toy_command: ToyCommand) -> Path:
    return Path(toy_command.environment["SAFELIGHT_DATA_DIR"])


def test_queue_file_that_breaks_while_redis_runs_is_set_aside_and_the_last_two_are_kept(
    start_toy: StartToy, data_dir: Path, redis_url: str
) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        for _ in range(3):
            for path in (data_dir / "redis").rglob("*.aof"):
                path.write_bytes(b"*3\r\n$-nonsense" * 100)
            os.kill(running.pid_of(REDIS), signal.SIGKILL)

            running.read_until("queue file of Redis is broken and was moved to")

            wait_until(lambda: _answers(redis_url), lambda: str(running.lines))
        assert len([*data_dir.glob("redis.broken-*")]) == 2


def test_queue_file_stays_where_redis_ends_of_something_else(
    start_toy: StartToy, data_dir: Path, redis_url: str
) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        with redis.Redis.from_url(redis_url) as client:
            client.set("kept", "yes")
        for _ in range(3):
            os.kill(running.pid_of(REDIS), signal.SIGKILL)
            running.read_until("redis was ended by signal 9; again in")
            wait_until(lambda: _answers(redis_url), lambda: str(running.lines))

        with redis.Redis.from_url(redis_url) as client:
            assert client.get("kept") == b"yes"
    assert [*data_dir.glob("redis.broken-*")] == []


@pytest.mark.parametrize(
    ("victim", "name"),
    [
        (WORKER, "worker"),
        pytest.param("toy_supervisor.py api", "api", marks=pytest.mark.full("the same for another part")),
        pytest.param(REDIS, "redis", marks=pytest.mark.full("the same for another part")),
    ],
)
def test_part_that_dies_while_no_descriptor_is_free_comes_back(start_toy: StartToy, victim: str, name: str) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        limits = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        os.kill(running.pid_of(victim), signal.SIGKILL)
        running.read_until(f"{name} cannot be started: .*; again in")

        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, limits)

        wait_until(lambda: _runs(running, victim), lambda: str(running.lines))
        assert running.end(signal.SIGTERM) == 0


def test_folders_that_vanish_while_it_runs_are_made_again(start_toy: StartToy, data_dir: Path, redis_url: str) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        (data_dir / "logs").rename(data_dir / "logs.old")
        shutil.rmtree(data_dir / "redis")

        for victim in (WORKER, REDIS):
            os.kill(running.pid_of(victim), signal.SIGKILL)
            running.read_until("again in")

        logs = [data_dir / "logs" / f"{name}.log" for name in ("worker", "redis")]
        wait_until(lambda: all(log.exists() for log in logs), lambda: str(running.lines))
        wait_until(lambda: _answers(redis_url), lambda: str(running.lines))
        assert running.end(signal.SIGTERM) == 0


def test_part_whose_log_cannot_be_opened_comes_back_when_it_can(start_toy: StartToy, data_dir: Path) -> None:
    logs = data_dir / "logs"
    with start_toy() as running:
        running.read_until("Stop")
        logs.rename(data_dir / "logs.old")
        logs.write_text("a file in the place of the folder")
        os.kill(running.pid_of(WORKER), signal.SIGKILL)
        running.read_until("worker cannot be started: .*; again in")

        logs.unlink()

        wait_until(lambda: _runs(running, WORKER), lambda: str(running.lines))


def test_supervising_task_that_ends_by_itself_ends_all_with_1(start_toy: StartToy) -> None:
    with start_toy(TOY_FAULT="1") as running:
        running.read_until("Stop")
        children = running.descendants()
        os.kill(running.pid_of(WORKER), signal.SIGKILL)

        status = running.wait()

        assert status == 1
        assert "keep-worker ended by a fault of the supervisor" in running.lines[-1]
        wait_until_gone(children)


def test_it_goes_on_when_no_program_reads_its_output_any_more(toy_command: ToyCommand) -> None:
    process = subprocess.Popen(
        toy_command.command,
        env={**os.environ, **toy_command.environment, "PYTHONUNBUFFERED": "1"},
        cwd=toy_command.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "Stop" in line:
                break
        process.stdout.close()
        for _ in range(2):
            wait_until(lambda: len(_workers_of(process)) == 1)
            before = _workers_of(process)
            os.kill(before[0], signal.SIGKILL)

            wait_until(lambda before=before: _workers_of(process) not in ([], before))  # type: ignore[misc]
    finally:
        process.terminate()
        process.wait(LIMIT_S)
    assert process.returncode == 0


def test_hangup_ends_nothing_while_the_terminal_is_there(start_toy: StartToy) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        children = running.descendants()

        running.process.send_signal(signal.SIGHUP)

        running.read_until("SIGHUP")
        assert children.keys() <= running.descendants().keys()
        assert running.end(signal.SIGTERM) == 0


def test_end_of_the_terminal_ends_all(toy_command: ToyCommand) -> None:
    with in_terminal(toy_command) as (process, close_window):
        wait_until(lambda: len(_workers_of(process)) == 1)
        children = dict.fromkeys(descendants_of(process.pid), "")

        close_window()

        process.wait(LIMIT_S)
        wait_until_gone(children)


def _answers(url: str) -> bool:
    with suppress(redis.RedisError), redis.Redis.from_url(url) as client:
        return bool(client.ping())
    return False


def _runs(running: Running, pattern: str) -> bool:
    return any(re.search(pattern, command) for command in running.descendants().values())


def _workers_of(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> list[int]:
    return [pid for pid in descendants_of(process.pid) if command_of(pid).endswith(b"\0worker\0")]
