"""The logs of all processes that tests start, for the report of a test that fails."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DUMP_SIGNAL = signal.SIGUSR2
"""Children of Safelight write their stacks on it: `tests/support/in_children/sitecustomize.py`."""
_TAIL_BYTES = 12_000
_DUMP_S = 2.0

_names: dict[Path, str] = {}


def record(name: str, log_path: Path) -> None:
    """Remember a process's log; a program that starts again goes on in the same one."""
    _names[log_path] = name


def sizes() -> dict[Path, int]:
    """How long each log is now, to be given to `written_since`."""
    return {path: path.stat().st_size for path in _names if path.exists()}


def written_since(before: dict[Path, int]) -> Iterator[tuple[str, str]]:
    """Name and text of each log that has grown, the last kilobytes of it."""
    for path, name in _names.items():
        start, end = before.get(path, 0), path.stat().st_size if path.exists() else 0
        if end > start:
            with path.open("rb") as file:
                file.seek(max(start, end - _TAIL_BYTES))
                yield f"{name} ({path.name})", file.read().decode(errors="replace")


def dump_stacks() -> None:
    """Let every child process that can write its stacks into its log."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if _is_ours(entry) and _catches_dump(entry):
                os.kill(int(entry.name), DUMP_SIGNAL)
    time.sleep(_DUMP_S)  # they write it meanwhile, and nothing reports that they have


def _is_ours(entry: Path) -> bool:
    return f"TESTS_PID={os.getpid()}".encode() in (entry / "environ").read_bytes().split(b"\0")


def _catches_dump(entry: Path) -> bool:
    (caught,) = re.findall(r"SigCgt:\s+(\w+)", (entry / "status").read_text())
    return bool(int(caught, 16) & 1 << (DUMP_SIGNAL - 1))
