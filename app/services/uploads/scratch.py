"""A folder of each process's own for files that live no longer than an upload or a job; gone soon after the process.

A process locks its folder while it lives. The kernel lets go of the lock however the process ends, which tells
everybody else that the files are nobody's.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.services.uploads.disk_faults import disk_faults

log = logging.getLogger(__name__)

_PREFIX = "process-"
_HEAL_EVERY_S = 1.0


class OwnScratch:
    """The folder of this process, under its lock."""

    def __init__(self, scratch_dir: Path) -> None:
        scratch_dir.mkdir(parents=True, exist_ok=True)
        clear_scratch(scratch_dir)
        self.folder, self._lock = _make_locked(scratch_dir)

    def heal(self) -> bool:
        """Create the folder again, under a new lock, where it has been removed; was it?

        Raises:
            OSError: it cannot be created now.
        """
        with contextlib.suppress(FileNotFoundError):
            if self.folder.stat().st_ino == os.fstat(self._lock).st_ino:
                return False
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        os.close(self._lock)
        self._lock = lock
        # Another process that takes it for left behind removes it before this, and the next call heals that.
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True

    async def heal_until_cancelled(self) -> None:
        """Call `heal` every second."""
        while True:
            await asyncio.sleep(_HEAL_EVERY_S)
            try:
                if await asyncio.to_thread(self.heal):
                    log.warning("scratch_folder_was_removed")
            except OSError as error:
                # The uploads and jobs that need the folder meet the same fault, and report it.
                log.debug("scratch_folder_cannot_be_created", extra={"reason": str(error)})

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


@contextlib.contextmanager
def own_scratch(scratch_dir: Path) -> Iterator[OwnScratch]:
    """Make this process's folder, and clear away those of processes that were killed."""
    scratch = OwnScratch(scratch_dir)
    try:
        yield scratch
    finally:
        scratch.close()


async def check_scratch(folder: Path) -> None:
    """Return if files can be written to the folder.

    Raises:
        Unavailable: they cannot.
    """
    await asyncio.to_thread(_write_file, folder)


def _write_file(folder: Path) -> None:
    with disk_faults("check"), tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        file.write(b"ready")


def clear_scratch(scratch_dir: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in _folders(scratch_dir):
        with _locked_if_left(folder) as is_left:
            if is_left:
                shutil.rmtree(folder, ignore_errors=True)


def count_left(scratch_dir: Path) -> int:
    """How many files processes that are gone have left."""
    left = 0
    for folder in _folders(scratch_dir):
        with _locked_if_left(folder) as is_left:
            left += sum(1 for path in folder.rglob("*") if path.is_file()) if is_left else 0
    return left


def _folders(scratch_dir: Path) -> list[Path]:
    return [path for path in scratch_dir.glob(f"{_PREFIX}*") if path.is_dir()]


def _make_locked(scratch_dir: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch_dir))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another process may have taken it for left behind between the two steps; under the lock it cannot.
            if folder.exists():
                return folder, lock
            os.close(lock)


@contextlib.contextmanager
def _locked_if_left(folder: Path) -> Iterator[bool]:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)
