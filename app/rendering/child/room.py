"""Is there room on the disk? Asked where a file could not be written, as encoders do not say why."""

import errno
import os

_PROBE_BYTES = 256 * 1024
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def has_room(path: str) -> bool:
    """Can the file at `path` grow, or be made?"""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, _PROBE_BYTES)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True
