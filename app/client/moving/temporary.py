"""Bytes on their way from one system to the other: in a file that nobody else sees and no end of ours leaves behind."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from app.client.files import CHUNK_BYTES
from app.client.moving.codes import MovingCode
from app.client.problems import Problem


class TemporaryFile:
    """Written once, read as often as it takes. It has no name: not even `kill -9` leaves it on the disk."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)
        self._digest = hashlib.sha256()
        self._byte_size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def byte_size(self) -> int:
        """How much was written."""
        return self._byte_size

    @property
    def sha256(self) -> str:
        """Of what was written, lower-case hex."""
        return self._digest.hexdigest()

    def clear(self) -> None:
        """Begin anew."""
        self._file.seek(0)
        self._file.truncate()
        self._digest, self._byte_size = hashlib.sha256(), 0

    async def write(self, chunk: bytes) -> None:
        """Add to the end.

        Raises:
            Problem: DISK_FULL.
        """
        try:
            await asyncio.to_thread(self._file.write, chunk)
        except OSError as error:
            message = f"The folder for temporary files ({tempfile.gettempdir()}) takes no more: {error.strerror}."
            raise Problem(MovingCode.DISK_FULL, message) from error
        self._digest.update(chunk)
        self._byte_size += len(chunk)

    async def read(self, on_read: Callable[[int], None]) -> AsyncIterator[bytes]:
        """All of it from the beginning, in bounded parts; `on_read` hears how many bytes have gone."""
        self._file.seek(0)
        gone_bytes = 0
        while chunk := await asyncio.to_thread(self._file.read, CHUNK_BYTES):
            gone_bytes += len(chunk)
            yield chunk
            on_read(gone_bytes)
