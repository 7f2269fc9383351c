"""What must hold before anything is started: a data folder that is ours alone, a secret, a free port."""

import errno
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SECRET_BYTES = 32


class CannotStart(Exception):
    """Why nothing was started, in one line for a person."""


def make_data_dir(data_dir: Path) -> None:
    """Make the folder where it is missing, closed to others: its database has signing keys. One that is there stays."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def claim_data_dir(data_dir: Path) -> Iterator[None]:
    """Make the folder where it is missing, and hold it: a second supervisor in it is refused.

    The kernel lets go of the hold with this process, however it ends.
    """
    try:
        make_data_dir(data_dir)
        (data_dir / "logs").mkdir(exist_ok=True)
        lock_fd = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"SAFELIGHT_DATA_DIR: cannot write to {data_dir}: {error.strerror}") from error
    try:
        _hold(lock_fd, data_dir)
        yield
    finally:
        os.close(lock_fd)


def read_or_make_secret(data_dir: Path) -> str:
    """The secret kept in the data folder, readable by its owner only; a new one at the first start."""
    path = data_dir / "secret"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    except OSError as error:
        raise CannotStart(f"SAFELIGHT_DATA_DIR: cannot write {path}: {error.strerror}") from error
    secret = path.read_text().strip()
    if len(secret) < _SECRET_BYTES:
        raise CannotStart(f"{path} holds less than {_SECRET_BYTES} characters; delete it, or set SAFELIGHT_SECRET.")
    return secret


def check_port(host: str, port: int) -> None:
    """Bind the address once, and let it go: better one line now than a server that dies at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"Port {port} on {host} is in use; set SAFELIGHT_PORT to a free one.") from error
        raise CannotStart(f"SAFELIGHT_HOST, SAFELIGHT_PORT: cannot listen on {host}:{port}: {error}") from error


def _hold(lock_fd: int, data_dir: Path) -> None:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock_fd, 32).decode().strip() or "unknown"
        raise CannotStart(f"Safelight already runs in {data_dir} (process {holder}); stop it first.") from error
    os.ftruncate(lock_fd, 0)
    os.write(lock_fd, f"{os.getpid()}\n".encode())
