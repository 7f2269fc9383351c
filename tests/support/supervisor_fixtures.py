"""`safelight run` with toys in the places of the API and the worker: see `toy_supervisor.py`."""

import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command_runner import Running, started
from tests.support.paths import ROOT

TOY = ROOT / "tests" / "support" / "toy_supervisor.py"

StartToy = Callable[..., AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True)
class ToyCommand:
    """How to start the toy where `start_toy` does not fit."""

    command: tuple[str, ...]
    environment: dict[str, str]
    folder: Path


@pytest.fixture
def toy_command(tmp_path: Path, free_port: int) -> ToyCommand:
    environment = {
        "SAFELIGHT_DATA_DIR": str(tmp_path / "data"),
        "SAFELIGHT_PORT": str(free_port),
        "PYTHONPATH": str(ROOT),
    }
    return ToyCommand((sys.executable, str(TOY)), environment, tmp_path)


@pytest.fixture
def start_toy(toy_command: ToyCommand) -> StartToy:
    """Start the toy; `data_dir` and further variables may differ."""

    def begin(data_dir: Path | None = None, **environment: str) -> AbstractContextManager[Running]:
        other = {"SAFELIGHT_DATA_DIR": str(data_dir)} if data_dir else {}
        return started(toy_command.command, toy_command.environment | other | environment, toy_command.folder)

    return begin


@contextmanager
def in_terminal(toy: ToyCommand) -> Iterator[tuple["subprocess.Popen[bytes]", Callable[[], None]]]:
    """The toy with a terminal of its own, and a function that closes the terminal's window."""
    master_fd, slave_fd = pty.openpty()
    process = subprocess.Popen(
        toy.command,
        env={**os.environ, **toy.environment},
        cwd=toy.folder,
        stdin=slave_fd,
        stdout=slave_fd,
        stderr=slave_fd,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  (this process has no other threads)
    )
    os.close(slave_fd)
    is_open = True

    def close() -> None:
        nonlocal is_open
        if is_open:
            os.close(master_fd)
        is_open = False

    try:
        yield process, close
    finally:
        process.kill()
        process.wait()
        close()
