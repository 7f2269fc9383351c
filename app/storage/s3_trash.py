"""`trash/` of a bucket: orphans under the day on which they were moved there, deleted some days later."""

import itertools
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

from minio.commonconfig import CopySource
from minio.error import S3Error

from app.storage.port import TRASH, ObjectKey, ObjectNotFound, StoreUnavailable
from app.storage.s3_client import PART_BYTES, S3Client, translated

_IN_MEMORY_BYTES = 1024 * 1024
_BATCH = 1000

Run = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]
"""Runs what blocks in a thread, without a limit of time on the whole."""


class S3Trash:
    """As the port says: copied, looked at, deleted."""

    def __init__(self, client: S3Client, bucket: str, run: Run) -> None:
        self._client = client
        self._bucket = bucket
        self._run = run

    async def add(self, keys: Iterable[ObjectKey], *, on: date) -> None:
        """One after another."""
        for key in keys:
            await self._run(partial(self._add, key, on))

    async def empty(self, *, before: date, limit: int) -> int:
        """A thousand in each request."""
        deleted: int = await self._run(partial(self._empty, before, limit))
        return deleted

    def _add(self, key: ObjectKey, on: date) -> None:
        name = f"{TRASH}/{on.isoformat()}/{key}"
        with suppress(ObjectNotFound), translated(key):
            byte_size = self._client.stat_object(self._bucket, str(key)).size
            self._copy(str(key), name, byte_size or 0)
            if self._client.stat_object(self._bucket, name).size != byte_size:
                raise StoreUnavailable
            self._client.remove_object(self._bucket, str(key))

    def _empty(self, before: date, limit: int) -> int:
        end = f"{TRASH}/{before.isoformat()}/"
        with translated():
            listed = self._client.list_names(self._bucket, f"{TRASH}/")
            names = itertools.takewhile(lambda name: name < end, (each.object_name or "" for each in listed))
            old = list(itertools.islice(names, limit))
            for start in range(0, len(old), _BATCH):
                self._client.remove_all(self._bucket, old[start : start + _BATCH])
        return len(old)

    def _copy(self, source: str, target: str, byte_size: int) -> None:
        try:
            self._client.copy_object(self._bucket, target, CopySource(self._bucket, source))
        except S3Error as error:
            if error.code in {"NoSuchKey", "SlowDown"}:
                raise
            self._copy_by_hand(source, target, byte_size)

    def _copy_by_hand(self, source: str, target: str, byte_size: int) -> None:
        """For stores, or rights, without a copy of their own."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            response = self._client.get_object(self._bucket, source)
            try:
                while chunk := response.read(_IN_MEMORY_BYTES):
                    file.write(chunk)
            finally:
                response.close()
                response.release_conn()
            file.seek(0)
            self._client.put_object(self._bucket, target, file, byte_size, part_size=PART_BYTES)  # type: ignore[arg-type]  # a file, as it wants
