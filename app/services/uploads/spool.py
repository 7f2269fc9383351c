"""Take the bytes of one upload in: counted, hashed and written to a private file as they come."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from app.domain.formats import MEDIA_TYPES, SNIFF_BYTES, ImageFormat, sniff
from app.domain.headers.probe import guess_other_type
from app.errors import FileTooLarge, InvalidFileType
from app.services.uploads.disk_faults import disk_faults
from app.services.uploads.disk_reserve import check_room

_WRITE_BYTES = 128 * 1024
"""Chunks are gathered to this before they are written: memory per upload, and few trips to a thread."""


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """An upload that has come whole."""

    path: Path
    byte_size: int
    sha256: str


class Spool:
    """One upload on its way in. The file is gone when the context is left."""

    def __init__(self, file: BinaryIO, path: Path, *, max_bytes: int) -> None:
        self._file = file
        self._path = path
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._pending = bytearray()
        self._is_sniffed = False
        self.received_bytes = 0

    async def add(self, chunk: bytes) -> None:
        """Take one chunk.

        Raises:
            FileTooLarge: there are more bytes than the session allows.
            InvalidFileType: the first bytes are those of no picture that is taken.
        """
        self.received_bytes += len(chunk)
        if self.received_bytes > self._max_bytes:
            limit = {"maxBytes": self._max_bytes}
            raise FileTooLarge(f"The file has more than the {self._max_bytes} bytes of its session.", details=limit)
        self._pending += chunk
        if not self._is_sniffed and len(self._pending) >= SNIFF_BYTES:
            check_type(bytes(self._pending[:SNIFF_BYTES]))
            self._is_sniffed = True
        if len(self._pending) >= _WRITE_BYTES:
            await self._flush()

    async def finish(self) -> SpooledFile:
        """The whole file."""
        if not self._is_sniffed:
            check_type(bytes(self._pending))
        await self._flush()
        return SpooledFile(self._path, self.received_bytes, self._hash.hexdigest())

    async def _flush(self) -> None:
        pending, self._pending = self._pending, bytearray()
        await asyncio.to_thread(self._write, pending)

    def _write(self, pending: bytearray) -> None:
        self._hash.update(pending)
        check_room(self._path.parent)
        with disk_faults("write_upload"):
            # An unbuffered file may take less than it is given, as a disk does that is almost full.
            rest = memoryview(pending)
            while rest:
                rest = rest[self._file.write(rest) :]


def check_type(head: bytes) -> ImageFormat:
    """The format that the first bytes prove.

    Raises:
        InvalidFileType: none that is taken.
    """
    found = sniff(head)
    if found is None:
        allowed = sorted(MEDIA_TYPES.values())
        message = "This is no JPEG, PNG, GIF, WebP, AVIF or HEIC picture."
        raise InvalidFileType(message, details={"detected": guess_other_type(head), "allowed": allowed})
    return found


@contextlib.contextmanager
def spooling(scratch_dir: Path, *, max_bytes: int) -> Iterator[Spool]:
    """A spool in a file of its own, removed whatever happens.

    Raises:
        Unavailable: the disk has no more free than its reserve, or no file can be made on it.
    """
    check_room(scratch_dir)
    path = scratch_dir / f"upload-{uuid4().hex}"
    with disk_faults("create_upload"):
        # A folder that was removed is created again, under its lock, within a second; see `OwnScratch.heal`.
        file = path.open("xb", buffering=0)
    try:
        with file:
            yield Spool(file, path, max_bytes=max_bytes)
    finally:
        # What a read-only disk keeps, the sweep removes when this process has ended.
        with contextlib.suppress(OSError):
            path.unlink()
