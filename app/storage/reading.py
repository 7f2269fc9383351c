"""Read files without waiting, where their bytes are in memory already."""

import os
from typing import cast

# Linux alone can say "only what is in the page cache".
_NOW_OR_NEVER: int | None = getattr(os, "RWF_NOWAIT", None)


def read_at_once(descriptor: int, offset: int, byte_size: int) -> bytes | None:
    """Up to `byte_size` bytes that the kernel holds in memory; None where it would have to ask the disk for the first.

    For the event loop: a change of thread takes longer than this. At the end of the file it is None as well.
    """
    if _NOW_OR_NEVER is None:
        return None
    buffer = bytearray(byte_size)
    try:
        count = os.preadv(descriptor, [buffer], offset, _NOW_OR_NEVER)
    except OSError:  # it would wait, or the file system cannot do this
        return None
    if count == 0:
        return None
    del buffer[count:]
    # Not bytes by its type, but nobody changes it any more, and a copy would cost as much as the reading.
    return cast(bytes, buffer)
