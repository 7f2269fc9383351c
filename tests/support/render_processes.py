"""Looking at the cage's processes from outside, by way of /proc."""

import os
from pathlib import Path

import pytest

from tests.support.waiting import eventually

needs_linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux' /proc")


def children_of(pid: int) -> list[int]:
    """The direct children, those of every thread."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def zygotes_of(pid: int) -> list[int]:
    return [child for child in children_of(pid) if b"rendering.child.zygote" in _command_line(child)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_running(pid: int) -> bool:
    """False for a process that is gone or a zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


async def wait_for_child(pid: int) -> int:
    """The first child that a process has, once it has one."""
    await eventually(lambda: bool(children_of(pid)), f"a child of {pid}")
    return children_of(pid)[0]


async def wait_until_gone(*pids: int) -> None:
    await eventually(lambda: not any(is_running(pid) for pid in pids), f"the end of {pids}")


def own_zygotes() -> list[int]:
    return zygotes_of(os.getpid())
