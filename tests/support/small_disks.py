"""Real small file systems, as a full disk cannot be shown with a patched errno."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

DISK_BYTES = 48 * 1024 * 1024
LEFT_BYTES = 256 * 1024
_BLOCK_BYTES = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=False)
    if done.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Let nothing be written to a small disk."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


def fill(disk: Path, *, left_bytes: int = LEFT_BYTES) -> Path:
    """Write a file that leaves so many bytes free; gives it."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    # The server writes meanwhile, so that the last blocks may be gone.
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(max(0, free - left_bytes) // _BLOCK_BYTES + 1):
            file.write(b"\0" * _BLOCK_BYTES)
    return filler
