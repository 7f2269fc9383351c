"""ObjectStore on an S3-compatible bucket, MinIO client calls moved to a bounded thread pool."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from minio.error import S3Error
from urllib3 import BaseHTTPResponse

from app.ids import ImageId
from app.storage.port import (
    CHUNK_BYTES,
    MARKER_NAME,
    MAX_MARKER_BYTES,
    Handed,
    ObjectKey,
    ObjectNotFound,
    ObjectStat,
    StoreUnavailable,
)
from app.storage.s3_client import PART_BYTES, PartUpload, S3Client, S3Location, translated
from app.storage.s3_faults import explain
from app.storage.s3_listing import find_stat, make_stat, take
from app.storage.s3_trash import S3Trash
from app.storage.verifying import CorruptObject, check_whole, hold_back_the_last

_T = TypeVar("_T")

_THREADS = 16
# Waiting for a thread included. A request that sends or fetches much has limits on each step of it instead.
_ANSWER_TIMEOUT_S = 2.8
_TRANSFER_TIMEOUT_S = 60.0
# Up to this size a file need not wait for the one slot that large files share.
_SMALL_BYTES = 256 * 1024
_LIST_BATCH = 1000
_BUCKET_IS_THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


class S3Store:
    """Objects in one bucket. Memory is bounded: one part of one large file at a time in the whole process."""

    def __init__(self, location: S3Location, public_location: S3Location | None = None) -> None:
        self._bucket = location.bucket
        self._client = S3Client(location, max_connections=_THREADS)
        # It only signs, for the name under which clients know the store.
        self._public_client = S3Client(public_location or location, max_connections=1)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self.trash = S3Trash(self._client, self._bucket, partial(self._run, timeout_s=None))
        self._slot = asyncio.Semaphore(1)
        self._failures = 0

    async def make_ready(self) -> None:
        """Make the bucket where it is missing."""
        await self._run(self._make_bucket)

    async def check(self) -> None:
        """Write, read and delete a small object."""
        await self._run(partial(self._client.probe, self._bucket))

    async def read_marker(self) -> bytes | None:
        """An object in the bucket's root."""
        return await self._run(partial(self._client.read_plain, self._bucket, MARKER_NAME, MAX_MARKER_BYTES))

    async def write_marker(self, content: bytes) -> None:
        """In one request."""
        await self._run(partial(self._client.write_plain, self._bucket, MARKER_NAME, content))

    async def put(self, key: ObjectKey, source: Path, *, media_type: str) -> None:
        """In one request, or in parts of 5 MiB; an upload in parts that is broken off leaves no object."""
        with await asyncio.to_thread(source.open, "rb") as file:
            byte_size = os.fstat(file.fileno()).st_size
            if byte_size > PART_BYTES:
                await self._put_parts(key, file, byte_size, media_type)
                return
            send = partial(self._client.put_small, self._bucket, key, file, media_type)
            if byte_size > _SMALL_BYTES:
                await self._run_in_slot(send)
            else:
                await self._run(send, timeout_s=_TRANSFER_TIMEOUT_S)

    @asynccontextmanager
    async def open(
        self, key: ObjectKey, byte_range: tuple[int, int] | None = None, *, sha256: str | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """As the port says; the first chunk is read on entering, so a small object costs one change of thread."""
        response, chunk = await self._begin(key, byte_range, sha256)
        try:
            stream = self._stream(response, chunk)
            yield stream if sha256 is None or byte_range else hold_back_the_last(key, stream, sha256)
        finally:
            _release(response)

    async def _begin(
        self, key: ObjectKey, byte_range: tuple[int, int] | None, sha256: str | None, *, is_last_try: bool = False
    ) -> tuple[BaseHTTPResponse, bytes]:
        start = partial(self._start, key, byte_range)
        response, chunk = await self._run(start, discard=lambda late: _release(late[0]))
        # A length of None is that of a chunked answer: only its end tells.
        if sha256 is None or byte_range or response.length_remaining != 0:
            return response, chunk
        try:
            # All of it: nothing has been said to the client yet, so that it can be read once more.
            check_whole(key, chunk, sha256)
        except CorruptObject:
            _release(response)
            if is_last_try:
                raise
            return await self._begin(key, byte_range, sha256, is_last_try=True)
        return response, chunk

    async def read(self, key: ObjectKey, *, max_bytes: int, sha256: str | None = None) -> bytes:
        """A small object as a whole."""
        content = await self._run(partial(self._read, key, max_bytes))
        return content if sha256 is None else check_whole(key, content, sha256)

    async def fetch(self, key: ObjectKey, target: Path) -> None:
        """Download it; there is no time limit on the whole, but one on each read."""
        await self._run(partial(self._download, key, target), timeout_s=None)

    async def stat(self, key: ObjectKey) -> ObjectStat | None:
        """Size and age of an object, or None where there is none."""
        with suppress(ObjectNotFound):
            return await self._run(partial(self._stat, key))
        return None

    async def delete(self, keys: Iterable[ObjectKey]) -> None:
        """Remove objects, a thousand in each request."""
        remaining = iter(keys)
        while batch := list(itertools.islice(remaining, _LIST_BATCH)):
            await self._run(partial(self._delete, batch))

    async def list_objects(
        self, image_id: ImageId | None = None, *, older_than: datetime | None = None
    ) -> AsyncIterator[ObjectStat]:
        """As the port says; a thousand in each request."""
        prefix = None if image_id is None else f"{image_id}/"
        found = self._client.list_names(self._bucket, prefix)
        while batch := await self._run(partial(take, found)):
            for stat in filter(None, map(find_stat, batch)):
                if older_than is None or stat.modified_at < older_than:
                    yield stat

    def url(self, key: ObjectKey) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self._bucket}/{key}"

    def local_path(self, key: ObjectKey) -> None:
        """None: objects are no files here."""

    def nginx_path(self, key: ObjectKey) -> str:
        """`/_objects/s3/`, bucket, key, and the query that opens it."""
        link = urlsplit(self._client.sign(self._bucket, key))
        return f"/_objects/s3{link.path}?{link.query}"

    def public_link(self, key: ObjectKey, handed: Handed) -> str:
        """A presigned address."""
        return self._public_client.sign(self._bucket, key, handed)

    async def close(self) -> None:
        """Wait for the requests under way, each of which has its time limit."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        self._client.close()

    async def _run(
        self,
        work: Callable[[], _T],
        *,
        timeout_s: float | None = _ANSWER_TIMEOUT_S,
        discard: Callable[[_T], None] | None = None,
    ) -> _T:
        """Run `work` in a thread. Where nobody waits any more when it is done, its result goes to `discard`."""
        job = self._threads.submit(work)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(job)
        except BaseException as error:
            if discard is not None:
                job.add_done_callback(partial(_hand_over, discard=discard))
            if isinstance(error, TimeoutError):
                raise explain(error) from error
            raise

    async def _run_in_slot(self, work: Callable[[], None]) -> None:
        """Run what holds up to 5 MiB when no other such thing runs."""
        failures = self._failures
        async with self._slot:
            # Whoever stood in line when the store turned out to be away need not find that out again, one by one.
            if failures != self._failures:
                raise StoreUnavailable
            try:
                await self._run(work, timeout_s=_TRANSFER_TIMEOUT_S)
            except StoreUnavailable:
                self._failures += 1
                raise

    async def _put_parts(self, key: ObjectKey, file: BinaryIO, byte_size: int, media_type: str) -> None:
        begin = partial(self._client.begin_parts, self._bucket, key, media_type)
        upload = await self._run(begin, discard=PartUpload.abort)
        try:
            for _ in range(0, byte_size, PART_BYTES):
                await self._run_in_slot(partial(upload.send_next, file))
            await self._run(upload.complete, timeout_s=_TRANSFER_TIMEOUT_S)
        except BaseException:
            # Not waited for: the store may be away, and whoever asked has waited long enough.
            self._threads.submit(upload.abort)
            raise

    def _make_bucket(self) -> None:
        with translated():
            if self._client.bucket_exists(self._bucket):
                return
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as error:
                # Another process of ours was faster.
                if error.code not in _BUCKET_IS_THERE:
                    raise

    def _start(self, key: ObjectKey, byte_range: tuple[int, int] | None) -> tuple[BaseHTTPResponse, bytes]:
        # A length of 0 means the whole object to the client.
        first, last = byte_range or (0, -1)
        with translated(key):
            response = self._client.get_object(self._bucket, str(key), offset=first, length=last - first + 1)
            try:
                return response, response.read(CHUNK_BYTES)
            except BaseException:
                _release(response)
                raise

    async def _stream(self, response: BaseHTTPResponse, chunk: bytes) -> AsyncIterator[bytes]:
        while chunk:
            yield chunk
            chunk = await self._run(partial(_read_chunk, response)) if response.length_remaining != 0 else b""

    def _read(self, key: ObjectKey, max_bytes: int) -> bytes:
        with translated(key):
            response = self._client.get_object(self._bucket, str(key))
            try:
                content = response.read(max_bytes + 1)
            finally:
                _release(response)
        if len(content) > max_bytes:
            raise ValueError(f"the object has more than {max_bytes} bytes")
        return content

    def _download(self, key: ObjectKey, target: Path) -> None:
        response, chunk = self._start(key, None)
        try:
            with target.open("xb") as file:
                try:
                    while chunk:
                        file.write(chunk)
                        chunk = _read_chunk(response)
                except BaseException:
                    target.unlink(missing_ok=True)
                    raise
        finally:
            _release(response)

    def _stat(self, key: ObjectKey) -> ObjectStat:
        with translated(key):
            found = self._client.stat_object(self._bucket, str(key))
        return make_stat(key, found)

    def _delete(self, keys: list[ObjectKey]) -> None:
        self._client.remove_all(self._bucket, [str(key) for key in keys])


def _read_chunk(response: BaseHTTPResponse) -> bytes:
    with translated():
        return response.read(CHUNK_BYTES)


def _release(response: BaseHTTPResponse) -> None:
    # A connection whose answer was read to its end is back in the pool already; any other cannot be used again.
    response.close()
    response.release_conn()


def _hand_over(job: Future[_T], *, discard: Callable[[_T], None]) -> None:
    if not job.cancelled() and job.exception() is None:
        discard(job.result())
