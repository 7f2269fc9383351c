"""Read a file piece by piece, without a thread where its bytes are in memory already."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import cast

from app.foreign_errors import report_foreign_error
from app.storage.port import CHUNK_BYTES, StoreUnavailable

# Linux alone can say "only what is in the page cache".
_NOW_OR_NEVER: int | None = getattr(os, "RWF_NOWAIT", None)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the system's errors into ours, and report those that are no missing file."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            code = errno.errorcode.get(error.errno or 0, type(error).__name__)
            report_foreign_error("store", operation="file", code=code, error=error)
        raise StoreUnavailable from error


async def read_on(descriptor: int, chunk: bytes, offset: int, end: int) -> AsyncIterator[bytes]:
    """`chunk`, which was read before, and what follows from `offset` to `end`; nothing is read ahead of who takes it.

    Raises:
        StoreUnavailable: the disk does not answer.
    """
    while chunk:
        yield chunk
        if offset >= end:
            return
        wanted_bytes = min(CHUNK_BYTES, end - offset)
        at_once = _read_at_once(descriptor, offset, wanted_bytes)
        if at_once is None:
            with translated():
                at_once = await asyncio.to_thread(os.pread, descriptor, wanted_bytes, offset)
        chunk = at_once
        offset += len(chunk)


def _read_at_once(descriptor: int, offset: int, byte_size: int) -> bytes | None:
    """What the kernel holds in memory; None where it would have to ask the disk, or at the end of the file."""
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
