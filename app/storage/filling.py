"""One download of an object into the cache, which any number of readers follow while it goes on."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from app.storage.cache_files import BlockSums, CacheFolder
from app.storage.port import CHUNK_BYTES, ObjectKey, ObjectNotFound, ObjectStore, StoreUnavailable


class BrokenFill(Exception):
    """The download ended before its object did; what was read until then is right."""


class Filling:
    """A file that grows. Readers never hold it up, nor the connection to the store."""

    def __init__(self, folder: CacheFolder, store: ObjectStore, key: ObjectKey, sha256: str | None = None) -> None:
        self._folder = folder
        self._sha256 = sha256
        self._store = store
        self._key = key
        self._written_bytes = 0
        self._is_whole = False
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._file: BinaryIO | None = None
        self._readers = 0
        self.is_wanted = True
        """False where its object was changed meanwhile: it is sent, and not kept."""
        self.is_too_large = False
        self.is_over = False
        """Nobody may begin to follow it any more."""

    async def run(self) -> None:
        """Fetch the object; whatever goes wrong is told to the readers."""
        path: Path | None = None
        try:
            path, file = await asyncio.to_thread(self._folder.begin)
            self._file = file
            async with self._store.open(self._key, sha256=self._sha256) as chunks:
                await self._write(file, chunks)
            if self.is_wanted and path is not None:
                await asyncio.to_thread(self._folder.keep, self._key, path)
        except (ObjectNotFound, StoreUnavailable, OSError, BrokenFill) as error:
            self._error = self._error or error
        finally:
            if path is not None:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            if not self._is_whole and self._error is None:
                self._error = BrokenFill()
            self.is_over = True
            self._tell()
            self._close_if_idle()

    async def begin(self) -> bytes:
        """The first bytes; from now on this reader is counted.

        Raises:
            ObjectNotFound, StoreUnavailable: there will be none.
            BrokenFill: the cache cannot be written.
        """
        self._readers += 1
        try:
            return await self._read(0)
        except BaseException as error:
            self.leave()
            if isinstance(error, BrokenFill) and isinstance(self._error, ObjectNotFound | StoreUnavailable):
                raise self._error from None
            raise

    async def follow(self, offset: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `offset` on, as they come.

        Raises:
            BrokenFill: there will be no more of them here.
        """
        while chunk := await self._read(offset):
            yield chunk
            offset += len(chunk)

    def leave(self) -> None:
        """Say that a reader goes."""
        self._readers -= 1
        self._close_if_idle()

    async def _read(self, offset: int) -> bytes:
        while offset >= self._written_bytes:
            if self._is_whole:
                return b""
            if self._error is not None:
                raise BrokenFill from self._error
            await self._news.wait()
        assert self._file is not None, "bytes were written to it"
        wanted_bytes = min(CHUNK_BYTES, self._written_bytes - offset)
        return await asyncio.to_thread(os.pread, self._file.fileno(), wanted_bytes, offset)

    async def _write(self, file: BinaryIO, chunks: AsyncIterator[bytes]) -> None:
        sums = BlockSums()
        async for chunk in chunks:
            if self._written_bytes + len(chunk) > self._folder.max_object_bytes:
                self.is_too_large = True
                raise BrokenFill
            await asyncio.to_thread(_append, file, sums, chunk)
            self._written_bytes += len(chunk)
            self._tell()
        await asyncio.to_thread(file.write, sums.tail(self._key))
        self._is_whole = True
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _close_if_idle(self) -> None:
        if self.is_over and not self._readers and self._file is not None:
            self._file.close()


def _append(file: BinaryIO, sums: BlockSums, chunk: bytes) -> None:
    sums.add(chunk)
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]
