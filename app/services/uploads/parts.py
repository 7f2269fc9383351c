"""One part of a resumable upload, written to the file of its session as it comes."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from app.db.records import SessionRecord
from app.errors import ChecksumMismatch, Conflict, FileTooLarge
from app.ids import SessionId
from app.services.uploads.disk_faults import disk_faults
from app.services.uploads.leases import SessionLease
from app.services.uploads.partials import WRITE_BYTES, PartialFile, in_thread
from app.telemetry import UPLOAD_BYTES


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a part's bytes shall hash to."""

    algorithm: str
    """As hashlib calls it."""
    digest: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One request that brings some of a file's bytes."""

    session_id: SessionId
    token: str
    offset_bytes: int
    """How many have come before, as the sender believes."""
    chunks: AsyncIterator[bytes]
    announced_bytes: int | None = None
    checksum: Checksum | None = None


def check_part(part: Part, session: SessionRecord, offset_bytes: int) -> None:
    """Return if the part fits to what has come.

    Raises:
        Conflict: it begins elsewhere.
        FileTooLarge: it would make the file longer than was said.
    """
    if part.offset_bytes != offset_bytes:
        facts = {"field": "Upload-Offset", "offset": offset_bytes}
        raise Conflict(f"{offset_bytes} bytes have come; the next part begins there.", details=facts)
    _check_length(part.announced_bytes or 0, part, session)


async def write_part(part: Part, lease: SessionLease, file: PartialFile, *, scratch_dir: Path) -> None:
    """Append the part. What came before it breaks off is kept, unless it has a checksum.

    Raises:
        ChecksumMismatch: other bytes came than were hashed; none of them is kept.
        FileTooLarge: more came than the file may have.
        InvalidFileType: no picture begins like this.
    """
    await in_thread(file.truncate, part.offset_bytes)
    if part.checksum is None:
        await _write(part, lease, file.append)
        return
    # Aside, as bytes that nobody has compared must not count, not even after a crash.
    with _open_aside(scratch_dir) as aside:
        hashed = hashlib.new(part.checksum.algorithm, usedforsecurity=False)

        def keep(content: bytearray) -> None:
            hashed.update(content)
            with disk_faults("write_part"):
                rest = memoryview(content)
                while rest:
                    rest = rest[aside.write(rest) :]

        await _write(part, lease, keep)
        if hashed.digest() != part.checksum.digest:
            raise ChecksumMismatch("These are other bytes than those that Upload-Checksum was made of.")
        await in_thread(file.append_file, aside)


def _open_aside(scratch_dir: Path) -> IO[bytes]:
    with disk_faults("create_part"):
        return TemporaryFile(dir=scratch_dir, buffering=0)


async def _write(part: Part, lease: SessionLease, write: Callable[[bytearray], None]) -> None:
    received_bytes, pending = 0, bytearray()
    try:
        async with lease.kept():
            async for chunk in part.chunks:
                _check_length(received_bytes + len(chunk), part, lease.session)
                received_bytes += len(chunk)
                UPLOAD_BYTES.inc(len(chunk))
                pending += chunk
                if len(pending) >= WRITE_BYTES:
                    full, pending = pending, bytearray()
                    await in_thread(write, full)
                await lease.note_progress(part.offset_bytes + received_bytes)
    finally:
        # Also of a part that broke off.
        await in_thread(write, pending)


def _check_length(part_bytes: int, part: Part, session: SessionRecord) -> None:
    if part.offset_bytes + part_bytes > session.max_bytes:
        limit = {"maxBytes": session.max_bytes}
        raise FileTooLarge(f"The file has more than the {session.max_bytes} bytes of its session.", details=limit)
