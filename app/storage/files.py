"""Writing files so that a crash leaves them whole, or known to be left over."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import BinaryIO


def open_locked(path: Path) -> BinaryIO:
    """A new file under its lock, which says that it is being written."""
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        # Another process may have taken it for abandoned between the two steps; under the lock it cannot.
        if path.exists():
            return file
        file.close()


def is_locked(file: BinaryIO) -> bool:
    """Does a process that lives write it?"""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def sync_directory(directory: Path) -> None:
    """Make renames in it durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_file(path: Path, target: Path) -> None:
    """Copy it whole, or leave nothing."""
    try:
        shutil.copyfile(path, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def raise_unless_gone(error: OSError) -> None:
    """Pass over what is not there any more while a directory is walked."""
    # An object is deleted meanwhile, or an image has none: that is no fault. All else would look like an empty store.
    if not isinstance(error, FileNotFoundError):
        raise error
