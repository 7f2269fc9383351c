"""A share of the disk that uploads leave free, so that everything else goes on where they fill it."""

import os
from pathlib import Path

from app.errors import Unavailable

RESERVED_SHARE = 0.05
RESERVED_BYTES = 256 * 1024 * 1024
"""The smaller of the two: what the database, logs and Redis need until someone makes room, or deletes images."""


def check_room(folder: Path) -> None:
    """Return if the folder's file system has more free than the reserve; a folder that is not there has, for now.

    Raises:
        Unavailable: it has not.
    """
    try:
        disk = os.statvfs(folder)
    except OSError:
        return  # the write that follows meets the same fault, and reports it
    reserve_bytes = min(RESERVED_BYTES, RESERVED_SHARE * disk.f_blocks * disk.f_frsize)
    if disk.f_bavail * disk.f_frsize < reserve_bytes:
        raise Unavailable("The server has no room for uploads just now. Try again later.", retry_after_s=10)
