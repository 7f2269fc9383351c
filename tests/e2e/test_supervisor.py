"""What `safelight run` promises about processes, shown with two small programs in its care."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from app.supervisor import tether
from app.supervisor.child import Program
from tests.support.command_runner import alive, wait_until_gone
from tests.support.supervisor_fixtures import StartToy
from tests.support.toy_supervisor import KEY
from tests.support.waiting import LIMIT_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def test_first_start_shows_the_key_once_keeps_a_secret_and_sigterm_ends_all(
    start_toy: StartToy, tmp_path: Path
) -> None:
    with start_toy() as first:
        first.read_until(f"^{KEY}$")
        first.read_until("Stop")
        secret = tmp_path / "data" / "secret"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert len(secret.read_text()) >= 32
        children = first.descendants()

        status = first.end(signal.SIGTERM)

        assert status == 0, first.lines
        assert len(children) == 3
        assert alive(children) == {}
    with start_toy() as second:
        second.read_until("Stop")
        assert KEY not in "\n".join(second.lines)


def test_interrupt_while_it_still_starts_ends_it_with_0(start_toy: StartToy) -> None:
    with start_toy() as running:
        running.read_until("Bringing the database")

        status = running.end(signal.SIGINT)

        assert status == 0, running.lines


def test_no_process_is_left_after_kill_9_of_the_supervisor(start_toy: StartToy) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        children = running.descendants()

        running.end(signal.SIGKILL)

        assert len(children) == 3
        wait_until_gone(children)


@pytest.mark.parametrize(
    ("victim", "name"),
    [
        ("toy_supervisor.py api", "api"),
        pytest.param(
            "redis-server", "redis", marks=pytest.mark.full("the test of the queue that is kept kills Redis, too")
        ),
    ],
)
def test_what_dies_is_started_again(start_toy: StartToy, tmp_path: Path, victim: str, name: str) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        before = running.pid_of(victim)

        os.kill(before, signal.SIGKILL)

        running.read_until(f"{name} was ended by signal 9; again in")
        if name == "redis":  # the worker ends with its Redis, and comes back with it
            running.read_until("worker ended with status 1")
        wait_until(
            lambda: before not in (now := running.descendants()) and len(now) >= 3, lambda: str(running.descendants())
        )


def test_queue_is_kept_over_a_kill_9_of_redis(start_toy: StartToy, tmp_path: Path) -> None:
    with start_toy() as running:
        running.read_until("Stop")
        url = f"unix://{tmp_path / 'data' / 'redis' / 'redis.sock'}"
        with redis.Redis.from_url(url) as client:
            client.set("kept", "yes")
        os.kill(running.pid_of("redis-server"), signal.SIGKILL)
        running.read_until("redis was ended")

        def is_kept() -> bool:
            with suppress(redis.ConnectionError), redis.Redis.from_url(url) as client:
                return bool(client.get("kept") == b"yes")
            return False

        wait_until(is_kept)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"level": "INFO", "event": "variant_ready"}', ""),
        ('{"level": "ERROR", "event": "store_away"}', "store_away"),
        ('{"level": "WARNING", "event": "odd", "exc_info": "Traceback:\\nOSError: no room"}', "odd: OSError: no room"),
        ("safelight: SAFELIGHT_PORT: 'abc' must be a whole number", "SAFELIGHT_PORT: 'abc' must be a whole number"),
        ("MemoryError", "MemoryError"),
        ("4711:M 20 Nov 2026 15:36:26.123 * Ready to accept connections unix", ""),
        ("4711:M 20 Nov 2026 15:36:26.123 # Out Of Memory", "4711:M 20 Nov 2026 15:36:26.123 # Out Of Memory"),
    ],
)
def test_only_a_complaint_is_told_as_the_cause_of_an_end(tmp_path: Path, line: str, told: str) -> None:
    log_path = tmp_path / "worker.log"
    log_path.write_text(f"something earlier\n{line}\n")

    assert Program("worker", ("worker",), {}, log_path).last_complaint() == told


def test_broken_queue_file_is_set_aside(start_toy: StartToy, tmp_path: Path) -> None:
    with start_toy() as first:
        first.read_until("Stop")
        first.end(signal.SIGTERM)
    kept = [path for path in (tmp_path / "data" / "redis").rglob("*.aof") if path.is_file()]
    for path in kept:
        path.write_bytes(b"*3\r\n$-nonsense" * 100)

    with start_toy() as second:
        second.read_until("Stop")

    assert kept
    assert len([*(tmp_path / "data").glob("redis.broken-*")]) == 1


def test_second_start_in_the_same_folder_says_so(start_toy: StartToy) -> None:
    with start_toy() as first:
        first.read_until("Stop")

        with start_toy() as second:
            status = second.wait()

        assert status == 1
        assert len(second.lines) == 1
        assert "already runs in" in second.lines[0]
        assert f"(process {first.process.pid})" in second.lines[0]


def test_port_in_use_is_one_line(start_toy: StartToy, free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)), start_toy() as running:
        status = running.wait()

    assert status == 1
    assert running.lines == [f"safelight: Port {free_port} on 127.0.0.1 is in use; set SAFELIGHT_PORT to a free one."]


def test_folder_that_cannot_be_written_is_one_line(start_toy: StartToy, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with start_toy(tmp_path / "file" / "data") as running:
        status = running.wait()

    assert status == 1
    assert len(running.lines) == 1
    assert running.lines[0].startswith("safelight: SAFELIGHT_DATA_DIR: cannot write to")


def test_program_that_cannot_start_gives_its_own_reason(start_toy: StartToy) -> None:
    with start_toy(TOY_API="worker", TOY_WORKER="broken") as running:
        status = running.wait()

    assert status == 1
    assert "worker cannot start: SAFELIGHT_STORE_URL: no such bucket" in running.lines[-1]


@pytest.mark.full("a folder whose path is longer than a socket's may be")
def test_deep_data_folder_has_its_socket_elsewhere_in_a_folder_of_its_own(start_toy: StartToy, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)

    with start_toy(deep) as running:
        running.read_until("Stop")
        command = next(command for command in running.descendants().values() if "redis-server" in command)
        running.end(signal.SIGTERM)

    assert not (deep / "redis" / "redis.sock").exists()
    socket_path = re.search(r"unixsocket[: ](\S+)", command)
    assert socket_path is not None
    assert not Path(socket_path[1]).parent.exists()


def test_watcher_kills_the_program_where_the_kernel_does_not() -> None:
    read_fd, write_fd = os.pipe()
    script = f"""
import sys; sys.path.insert(0, {str(Path(tether.__file__).parent)!r})
import os, tether
tether.leave_watcher({read_fd})
os.execv("/bin/sleep", ["sleep", "3600"])
"""
    program = subprocess.Popen([sys.executable, "-c", script], pass_fds=(read_fd,), start_new_session=True)
    os.close(read_fd)

    os.close(write_fd)

    assert program.wait(LIMIT_S) == -signal.SIGKILL
