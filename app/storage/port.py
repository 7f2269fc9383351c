"""What any object store can do (ObjectStore), and where each object lies (ObjectKey)."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol, Self
from uuid import UUID

from app.domain.variants import Family
from app.errors import Unavailable
from app.ids import ImageId

CHUNK_BYTES = 128 * 1024
"""How much of an object is in memory at once while it is streamed; the last chunk may be shorter."""

_RETRY_AFTER_S = 2
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBER = "0|[1-9][0-9]{0,17}"
# ASCII that every file system and every S3 takes as it is; no part can be `.` or `..`. One level below the generation,
# as each new directory of the local store costs a sync.
_KEY = re.compile(
    rf"{_UUID}/(?:{_NUMBER})/"
    rf"(?:upload-{_UUID}|(?:{'|'.join(Family)})-~?[A-Za-z0-9][A-Za-z0-9_.,=-]{{0,98}}-(?:{_NUMBER})\.[a-z0-9]{{1,8}})",
    re.ASCII,
)


MARKER_NAME = "safelight-instance"
"""Of the object in the root of a store that says which instance the store belongs to; no key of an image."""
MAX_MARKER_BYTES = 4096
PROBE_NAME = "safelight-probe"
"""How names of objects begin that are written and deleted to see whether that can be done."""
TRASH = "trash"
"""Where orphans wait to be deleted; nothing in it is listed or served."""


class ObjectNotFound(Exception):
    """The store answers, and has no such object (or it ends before the bytes that were asked for)."""

    def __init__(self, key: "ObjectKey") -> None:
        super().__init__(f"no object {key}")
        self.key = key


class StoreUnavailable(Unavailable):
    """The store does not answer, refuses, or is full; what it said is the cause of this."""

    def __init__(self, advice: str | None = None) -> None:
        super().__init__("The object store is not available.", retry_after_s=_RETRY_AFTER_S)
        self.advice = advice or self.message
        """For the operator alone: what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Where the bytes of one file lie in any store. Made by `upload`, `variant` and `parse` only, and always safe.

    All objects of an image share the beginning `IMAGE_ID/`. The generation counts replacements of an image, the
    attempt counts tries to render, a receipt is one request that brings bytes: no two writers ever share a key, and a
    late one overwrites nothing.
    """

    text: str

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.text):
            raise ValueError("not an object key")

    def __str__(self) -> str:
        return self.text

    @classmethod
    def upload(cls, image_id: ImageId, generation: int, receipt: UUID) -> Self:
        """The very bytes that were uploaded; `receipt` tells apart the requests that brought them."""
        return cls(f"{image_id}/{generation}/upload-{receipt}")

    @classmethod
    def variant(
        cls, image_id: ImageId, generation: int, attempt: int, family: Family, size: str, extension: str
    ) -> Self:
        """One rendered file.

        Raises:
            ValueError: `size` is not 1 to 99 of `A-Za-z0-9_.,=-`, or begins with a sign other than one `~`.
        """
        return cls(f"{image_id}/{generation}/{family.value}-{size}-{attempt}.{extension}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`.

        Raises:
            ValueError: this is no key of ours.
        """
        return cls(text)

    @property
    def image_id(self) -> ImageId:
        """Whose object it is."""
        return ImageId(UUID(self.text[:36]))


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a store knows of an object without opening it."""

    key: ObjectKey
    byte_size: int
    modified_at: datetime
    """When it was last written, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What another server is to say of an object that it sends in our place; in ASCII, as in headers."""

    content_type: str
    disposition: str
    cache_control: str


class ObjectTrash(Protocol):
    """Objects that are out of use, and can still be brought back by hand."""

    async def add(self, keys: Iterable[ObjectKey], *, on: date) -> None:
        """Move objects here, under the day `on`; those that are not there are no error."""
        ...

    async def empty(self, *, before: date, limit: int) -> int:
        """Delete what was moved here before that day, at most `limit` objects; gives how many."""
        ...


class ObjectStore(Protocol):
    """A place for bytes that live longer than any process.

    Every method may raise `StoreUnavailable`; a store that is away says so within 3 s.
    """

    @property
    def trash(self) -> ObjectTrash:
        """What was taken out of use."""
        ...

    async def make_ready(self) -> None:
        """Make the directory or the bucket where it is missing; called once when a process starts."""
        ...

    async def check(self) -> None:
        """Return if objects can be stored, read and deleted now; asked by tries."""
        ...

    async def read_marker(self) -> bytes | None:
        """What `MARKER_NAME` holds, at most `MAX_MARKER_BYTES` of it; None where there is no such object."""
        ...

    async def write_marker(self, content: bytes) -> None:
        """Replace what `MARKER_NAME` holds; durable when this returns."""
        ...

    async def put(self, key: ObjectKey, source: Path, *, media_type: str) -> None:
        """Store a copy of the file, durable when this returns; readers see the old object or the new one, whole."""
        ...

    def open(
        self, key: ObjectKey, byte_range: tuple[int, int] | None = None, *, sha256: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The object's bytes, in chunks of at most `CHUNK_BYTES`; `byte_range` is first and last byte, as in HTTP.

        A range is cut off at the object's end. Where the object is replaced or deleted meanwhile, what comes is
        the old one to its end, or `StoreUnavailable`; never a mixture.

        With the row's `sha256` a whole object that came from far away is checked on the way: where it is another one,
        its last chunk is not given, and `StoreUnavailable` is raised in its place.

        Raises:
            ObjectNotFound: on entering, before the first chunk.
        """
        ...

    async def read(self, key: ObjectKey, *, max_bytes: int, sha256: str | None = None) -> bytes:
        """A small object as a whole.

        Raises:
            ObjectNotFound: there is none.
            ValueError: it is larger than `max_bytes`.
        """
        ...

    async def fetch(self, key: ObjectKey, target: Path) -> None:
        """Put the object at `target`, which must not exist, for reading only: it may share its bytes with the store.

        Raises:
            ObjectNotFound: there is none; nothing is at `target` then, nor after any other error.
        """
        ...

    async def stat(self, key: ObjectKey) -> ObjectStat | None:
        """Size and age of an object, or None where there is none."""
        ...

    async def delete(self, keys: Iterable[ObjectKey]) -> None:
        """Remove objects; those that are not there are no error. Some may be gone when this raises."""
        ...

    def list_objects(
        self, image_id: ImageId | None = None, *, older_than: datetime | None = None
    ) -> AsyncIterator[ObjectStat]:
        """Every object, or every one of an image, that was last written before `older_than`; in no certain order.

        What is in the store and not under a key of ours is passed over.
        """
        ...

    def url(self, key: ObjectKey) -> str:
        """Where the object lies, for its owner's eyes: `file:///…` or `s3://bucket/key`."""
        ...

    def local_path(self, key: ObjectKey) -> Path | None:
        """The file that a web server may send in our place, there or not; None where objects are no files."""
        ...

    def nginx_path(self, key: ObjectKey) -> str:
        """Where the nginx of deploy/ finds the object, for `X-Accel-Redirect`; good for a minute."""
        ...

    def public_link(self, key: ObjectKey, handed: Handed) -> str | None:
        """Where clients may get the object for a minute, told so; None where the store speaks to none."""
        ...

    async def close(self) -> None:
        """Give back threads and connections; the store is not used afterwards."""
        ...
