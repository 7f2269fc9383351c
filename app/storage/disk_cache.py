"""A bounded folder of copies in front of a store that is far away; it survives restarts, and processes may share it.

Nobody is asked here whether a caller may see an object: that is decided before. Objects' bytes never change under
their keys, so that a copy is as good as the object for as long as it lies here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from pathlib import Path

from app.ending import end_tasks
from app.ids import ImageId
from app.storage.cache_files import CachedObject, CacheFolder, SpoiledEntry
from app.storage.filling import BrokenFill, Filling
from app.storage.port import CHUNK_BYTES, Handed, ObjectKey, ObjectNotFound, ObjectStat, ObjectStore
from app.storage.verifying import CorruptObject

log = logging.getLogger(__name__)

# More objects than that are passed on without being kept: each takes a connection of the store.
_MAX_FILLINGS = 8
_MAX_TOO_LARGE = 1000


class CachedStore:
    """The store behind it, with what was read lately at hand. A cache that fails is passed by, and logged."""

    def __init__(self, store: ObjectStore, folder: CacheFolder) -> None:
        self._store = store
        self.trash = store.trash
        self._folder = folder
        self._fillings: dict[ObjectKey, Filling] = {}
        self._too_large: dict[ObjectKey, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def filling_tasks(self) -> frozenset[asyncio.Task[None]]:
        """The downloads that are under way."""
        return frozenset(self._tasks)

    async def make_ready(self) -> None:
        """Make bucket and folder ready."""
        await self._store.make_ready()
        try:
            await asyncio.to_thread(self._folder.make_ready)
        except OSError as error:
            log.warning("disk_cache_failed", extra={"reason": type(error).__name__})

    async def check(self) -> None:
        """Ask the store itself."""
        await self._store.check()

    async def read_marker(self) -> bytes | None:
        """That of the store itself."""
        return await self._store.read_marker()

    async def write_marker(self, content: bytes) -> None:
        """Into the store itself."""
        await self._store.write_marker(content)

    async def put(self, key: ObjectKey, source: Path, *, media_type: str) -> None:
        """Store it; no older copy outlives that."""
        await self._store.put(key, source, media_type=media_type)
        await self._forget([key])

    @asynccontextmanager
    async def open(
        self, key: ObjectKey, byte_range: tuple[int, int] | None = None, *, sha256: str | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """As the port says: from the folder, or from the store and into the folder at once."""
        cached = await self._find(key)
        if cached is not None:
            try:
                yield await self._begin_cached(key, cached, byte_range)
            finally:
                cached.close()
        elif byte_range is not None or not self._may_fill(key):
            # A part says nothing of the rest: it is passed on.
            async with self._store.open(key, byte_range, sha256=sha256) as chunks:
                yield chunks
        else:
            async with self._filled(key, sha256) as chunks:
                yield chunks

    async def read(self, key: ObjectKey, *, max_bytes: int, sha256: str | None = None) -> bytes:
        """A small object as a whole."""
        content = bytearray()
        async with self.open(key, sha256=sha256) as chunks:
            async for chunk in chunks:
                content += chunk
                if len(content) > max_bytes:
                    raise ValueError(f"the object has more than {max_bytes} bytes")
        return bytes(content)

    async def fetch(self, key: ObjectKey, target: Path) -> None:
        """From the store itself: whoever renders wants it once."""
        await self._store.fetch(key, target)

    async def stat(self, key: ObjectKey) -> ObjectStat | None:
        """What the store itself says."""
        return await self._store.stat(key)

    async def delete(self, keys: Iterable[ObjectKey]) -> None:
        """Remove objects, and the copies that lie here."""
        listed = list(keys)
        await self._store.delete(listed)
        await self._forget(listed)

    def list_objects(
        self, image_id: ImageId | None = None, *, older_than: datetime | None = None
    ) -> AsyncIterator[ObjectStat]:
        """Those of the store itself."""
        return self._store.list_objects(image_id, older_than=older_than)

    def url(self, key: ObjectKey) -> str:
        """Where the store has it."""
        return self._store.url(key)

    def local_path(self, key: ObjectKey) -> Path | None:
        """As the store says: copies come and go."""
        return self._store.local_path(key)

    def nginx_path(self, key: ObjectKey) -> str:
        """Where the store has it."""
        return self._store.nginx_path(key)

    def public_link(self, key: ObjectKey, handed: Handed) -> str | None:
        """Where the store gives it."""
        return self._store.public_link(key, handed)

    async def close(self) -> None:
        """Break downloads off, and close the store."""
        await end_tasks(self._tasks)
        await self._store.close()

    async def _find(self, key: ObjectKey) -> CachedObject | None:
        try:
            return await asyncio.to_thread(self._folder.open, key)
        except OSError as error:
            log.warning("disk_cache_failed", extra={"reason": type(error).__name__})
            return None

    def _may_fill(self, key: ObjectKey) -> bool:
        return key in self._fillings or (len(self._fillings) < _MAX_FILLINGS and key not in self._too_large)

    async def _begin_cached(
        self, key: ObjectKey, cached: CachedObject, byte_range: tuple[int, int] | None
    ) -> AsyncIterator[bytes]:
        first, last = byte_range or (0, cached.byte_size - 1)
        if byte_range is not None and first >= cached.byte_size:
            raise ObjectNotFound(key)
        return self._read_cached(key, cached, first, min(last, cached.byte_size - 1) + 1)

    async def _read_cached(self, key: ObjectKey, cached: CachedObject, offset: int, end: int) -> AsyncIterator[bytes]:
        try:
            while offset < end:
                chunk = await asyncio.to_thread(cached.read, offset, min(CHUNK_BYTES, end - offset))
                yield chunk
                offset += len(chunk)
            return
        except (SpoiledEntry, OSError):
            log.warning("disk_cache_spoiled", extra={"object_key": str(key)})
        await self._forget([key])
        # What was sent until here was checked; the store has the rest.
        async with self._store.open(key, (offset, end - 1)) as chunks:
            async for chunk in chunks:
                yield chunk

    @asynccontextmanager
    async def _filled(self, key: ObjectKey, sha256: str | None) -> AsyncIterator[AsyncIterator[bytes]]:
        filling = self._fillings.get(key)
        if filling is None or filling.is_over:
            filling = self._start(key, sha256)
        try:
            first = await filling.begin()
        except BrokenFill:
            async with self._store.open(key, sha256=sha256) as chunks:
                yield chunks
            return
        try:
            yield self._follow(key, filling, first, sha256)
        finally:
            filling.leave()

    async def _follow(self, key: ObjectKey, filling: Filling, first: bytes, sha256: str | None) -> AsyncIterator[bytes]:
        if first:
            yield first
        offset = len(first)
        try:
            async with aclosing(filling.follow(offset)) as chunks:
                async for chunk in chunks:
                    yield chunk
                    offset += len(chunk)
            return
        except BrokenFill as error:
            if isinstance(error.__cause__, CorruptObject):
                # What was given before may be wrong: it must not become a whole answer.
                raise error.__cause__ from None
        async with self._store.open(key, sha256=sha256) as rest:
            async for chunk in _skip(rest, offset):
                yield chunk

    def _start(self, key: ObjectKey, sha256: str | None) -> Filling:
        filling = Filling(self._folder, self._store, key, sha256)
        self._fillings[key] = filling
        task = asyncio.create_task(filling.run(), name="fill-disk-cache")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _task: self._end(key, filling))
        return filling

    def _end(self, key: ObjectKey, filling: Filling) -> None:
        if self._fillings.get(key) is filling:
            del self._fillings[key]
        if filling.is_too_large:
            # Asked for again it is passed on at once, and not fetched twice.
            self._too_large[key] = None
            if len(self._too_large) > _MAX_TOO_LARGE:
                del self._too_large[next(iter(self._too_large))]

    async def _forget(self, keys: list[ObjectKey]) -> None:
        for filling in filter(None, map(self._fillings.get, keys)):
            filling.is_wanted = False
        try:
            await asyncio.to_thread(self._folder.remove, keys)
        except OSError as error:
            log.warning("disk_cache_failed", extra={"reason": type(error).__name__})


async def _skip(chunks: AsyncIterator[bytes], byte_count: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if byte_count < len(chunk):
            yield chunk[byte_count:]
        byte_count = max(0, byte_count - len(chunk))
