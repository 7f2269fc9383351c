"""The parts of resumable uploads: one file for each session, in a folder that this machine's processes share.

The file's length is how far its upload is. Whoever writes to it locks it; the kernel lets go of the lock however the
process ends, so that the next part needs to wait for no lease.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

from app.domain.formats import SNIFF_BYTES
from app.errors import UploadAlreadyUsed
from app.ids import SessionId, parse_uuid
from app.services.uploads.disk_faults import disk_faults
from app.services.uploads.disk_reserve import check_room
from app.services.uploads.spool import check_type

ResultT = TypeVar("ResultT")
WRITE_BYTES = 128 * 1024
"""Chunks are gathered to this before they are written."""


class PartialFile:
    """One upload as far as it has come, locked. Its methods block, and belong into a thread."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._file = file
        self._is_checked = False
        self.path = path
        self.byte_size = os.fstat(file.fileno()).st_size

    def truncate(self, byte_size: int) -> None:
        """Forget what comes after so many bytes."""
        with disk_faults("write_part"):
            os.truncate(self._file.fileno(), byte_size)
        self.byte_size = byte_size

    def append(self, content: bytes | bytearray) -> None:
        """Add bytes; as soon as there are enough of them, see what they are.

        Raises:
            InvalidFileType: no picture begins like this.
            Unavailable: the disk is full.
        """
        rest = memoryview(content)
        check_room(self.path.parent)
        with disk_faults("write_part"):
            while rest:
                written = os.pwrite(self._file.fileno(), rest, self.byte_size)
                self.byte_size += written
                rest = rest[written:]
        if not self._is_checked and self.byte_size >= SNIFF_BYTES:
            self.check_type()

    def append_file(self, file: IO[bytes]) -> None:
        """Add all bytes of another file."""
        file.seek(0)
        while content := file.read(WRITE_BYTES):
            self.append(content)

    def check_type(self) -> None:
        """Look at the first bytes.

        Raises:
            InvalidFileType: no picture begins like this.
        """
        with disk_faults("read_part"):
            head = os.pread(self._file.fileno(), SNIFF_BYTES, 0)
        check_type(head)
        self._is_checked = True


class PartialFiles:
    """All of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size_of(self, session_id: SessionId) -> int:
        """How many bytes have come of this session's file.

        Raises:
            Unavailable: the disk does not say.
        """
        with disk_faults("read_part"), contextlib.suppress(FileNotFoundError):
            return self._path_of(session_id).stat().st_size
        return 0

    @contextlib.contextmanager
    def locked(self, session_id: SessionId) -> Iterator[PartialFile]:
        """This session's file, made where there is none, and nobody else's while the context lasts.

        Raises:
            UploadAlreadyUsed: somebody has it.
            Unavailable: the disk is full.
        """
        path = self._path_of(session_id)
        with _open_locked(path) as file:
            yield PartialFile(path, file)

    def delete(self, session_id: SessionId) -> None:
        """Remove the file, if there is one; what cannot be removed now, the sweep removes. A writer loses its bytes."""
        with contextlib.suppress(OSError):
            self._path_of(session_id).unlink()

    def list_all(self) -> list[SessionId]:
        """The sessions that have a file."""
        names = [path.name for path in self._folder.glob("*")]
        return [SessionId(found) for name in names if (found := parse_uuid(name)) is not None]

    def _path_of(self, session_id: SessionId) -> Path:
        return self._folder / str(session_id)


def _open_locked(path: Path) -> BinaryIO:
    while True:
        with disk_faults("create_part"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it before may have removed it between the two steps.
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except BlockingIOError as error:
            file.close()
            raise UploadAlreadyUsed("Another request is sending a part of this file.") from error
        except OSError:
            pass  # It was removed just now.
        file.close()


async def in_thread(work: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Run blocking work to its end even where the request is cancelled: a lock is not given back under a write."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])
