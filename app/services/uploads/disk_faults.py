"""Errors of the disk that uploads are written to: the server's fault, so that clients are asked to come again."""

import contextlib
import errno
from collections.abc import Iterator

from app.errors import Unavailable
from app.foreign_errors import report_foreign_error

RETRY_AFTER_S = 10
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def disk_faults(operation: str) -> Iterator[None]:
    """Report an OSError of one of our own files.

    Raises:
        Unavailable: the disk is full or read-only, the folder was removed, or the process has no more descriptors.
    """
    try:
        yield
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, type(error).__name__)
        report_foreign_error("disk", operation=operation, code=code, error=error)
        what = "has no room for uploads" if error.errno in _NO_ROOM else "cannot write uploads to its disk"
        raise Unavailable(f"The server {what} just now. Try again later.", retry_after_s=RETRY_AFTER_S) from error
