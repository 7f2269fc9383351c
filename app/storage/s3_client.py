"""The MinIO client as S3Store needs it: quick to give up, in bounded parts, with its errors translated."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from mmap import ACCESS_READ, mmap
from typing import BinaryIO, cast
from uuid import uuid4
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.datatypes import Object, Part
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from app.storage.port import PROBE_NAME, Handed, ObjectKey, ObjectNotFound, StoreUnavailable
from app.storage.s3_faults import ShortRetry, explain, is_not_offered

PART_BYTES = 5 * 1024 * 1024
"""S3's smallest part; a multiple of every system's pages."""

# A store that is away is reported within 3 s, so less than the 5 minutes of the client by far. Each counts from the
# last byte that moved: a slow line is no fault.
_CONNECT_TIMEOUT_S = 2.0
_READ_TIMEOUT_S = 2.7
_BLOCK_BYTES = 64 * 1024
# It is followed at once; what is made private a minute later is not opened by it any more.
_LINK_LIFE = timedelta(seconds=60)
_MISSING_OBJECT = {"NoSuchKey", "InvalidRange"}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Location:
    """Which bucket, where, and whose."""

    endpoint: str
    """`host` or `host:port`."""
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    is_secure: bool


class S3Client(Minio):
    """A client that blocks, for one thread at a time of each request; `max_connections` are kept open."""

    def __init__(self, location: S3Location, *, max_connections: int) -> None:
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S),
            retries=ShortRetry.make(),
            maxsize=max_connections,
            blocksize=_BLOCK_BYTES,
        )
        self._deletes_many, self._lists_by_v1 = True, False
        super().__init__(
            location.endpoint,
            access_key=location.access_key,
            secret_key=location.secret_key,
            secure=location.is_secure,
            # Else the client asks the store for it once per bucket.
            region=location.region,
            http_client=self._pool,
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.clear()

    def sign(self, bucket: str, key: ObjectKey, handed: Handed | None = None) -> str:
        """An address that opens one object for a minute; asks nobody, as the region is known."""
        said = (
            {}
            if handed is None
            else {
                "response-content-type": handed.content_type,
                "response-content-disposition": handed.disposition,
                "response-cache-control": handed.cache_control,
            }
        )
        # Its stubs want lists and tuples beside strings.
        return self.get_presigned_url("GET", bucket, str(key), expires=_LINK_LIFE, response_headers=dict(said))

    # The client's own `put_object` reads a file into memory, and all of it in one call. These are the steps it is made
    # of, so that files take turns part by part, and are sent from the kernel's page cache: a mapping is hashed like
    # bytes and sent like a file, in blocks of which each has a time limit of its own.

    def put_small(self, bucket: str, key: ObjectKey, file: BinaryIO, media_type: str) -> None:
        """Send a file of at most `PART_BYTES` in one request."""
        with translated(), _mapped(file, part=0) as content:
            self._put_object(bucket, str(key), content, {"Content-Type": media_type})

    def remove_all(self, bucket: str, names: Sequence[str]) -> None:
        """Delete objects: a thousand in a request, or one by one where the store has no such request.

        Raises:
            StoreUnavailable: one of them is still there.
        """
        with translated():
            if self._deletes_many:
                try:
                    found = self.remove_objects(bucket, [DeleteObject(name) for name in names])
                    errors = [error for error in found if error.code != "NoSuchKey"]
                except MinioException as error:
                    if not is_not_offered(error):
                        raise
                    self._deletes_many = False
                else:
                    if errors:
                        raise explain(OSError(f"{errors[0].code}: {errors[0].name}"))
                    return
            for name in names:
                self.remove_object(bucket, name)

    def list_names(self, bucket: str, prefix: str | None) -> Iterator[Object]:
        """Objects below a prefix, by the second version of the list or, where the store lacks that, by the first."""
        listed = self.list_objects(bucket, prefix=prefix, recursive=True, use_api_v1=self._lists_by_v1)
        try:
            first = next(listed, None)
        except MinioException as error:
            if self._lists_by_v1 or not is_not_offered(error):
                raise
            self._lists_by_v1 = True
            yield from self.list_names(bucket, prefix)
            return
        if first is not None:
            yield first
            yield from listed

    def probe(self, bucket: str) -> None:
        """Write, read and delete a small object.

        Raises:
            StoreUnavailable: one of these cannot be done, or there is no such bucket.
        """
        name = f"{PROBE_NAME}-{uuid4().hex}"
        with translated():
            # Some stores make a bucket that is written to.
            if not self.bucket_exists(bucket):
                raise StoreUnavailable
        self.write_plain(bucket, name, name.encode())
        if self.read_plain(bucket, name, len(name)) != name.encode():
            raise StoreUnavailable("The object store does not give back what is written to it.")
        with translated():
            self.remove_object(bucket, name)

    def write_plain(self, bucket: str, name: str, content: bytes) -> None:
        """Send an object that is no image's."""
        with translated():
            self._put_object(bucket, name, content, {"Content-Type": "application/json"})

    def read_plain(self, bucket: str, name: str, max_bytes: int) -> bytes | None:
        """The beginning of such an object; None where there is no such one."""
        with translated():
            try:
                response = self.get_object(bucket, name)
            except S3Error as error:
                if error.code in _MISSING_OBJECT:
                    return None
                raise
            try:
                return response.read(max_bytes)
            finally:
                response.close()
                response.release_conn()

    def begin_parts(self, bucket: str, key: ObjectKey, media_type: str) -> "PartUpload":
        """Open an upload in parts; no object is there until it is completed."""
        with translated():
            upload_id = self._create_multipart_upload(bucket, str(key), {"Content-Type": media_type})
        return PartUpload(self, bucket, key, upload_id)

    def send_part(self, upload: "PartUpload", number: int, file: BinaryIO) -> str:
        """Send one part of the file, counted from 1; gives its ETag."""
        with _mapped(file, part=number - 1) as content:
            return self._upload_part(upload.bucket, str(upload.key), content, None, upload.upload_id, number)

    def complete_parts(self, upload: "PartUpload", etags: list[str]) -> None:
        """Make the object of its parts."""
        parts = [Part(number, etag) for number, etag in enumerate(etags, start=1)]
        self._complete_multipart_upload(upload.bucket, str(upload.key), upload.upload_id, parts)

    def abort_parts(self, upload: "PartUpload") -> None:
        """Throw the parts away."""
        self._abort_multipart_upload(upload.bucket, str(upload.key), upload.upload_id)


class PartUpload:
    """One file on its way in parts, which are sent one after another."""

    def __init__(self, client: S3Client, bucket: str, key: ObjectKey, upload_id: str) -> None:
        self._client = client
        self._etags: list[str] = []
        self.bucket = bucket
        self.key = key
        self.upload_id = upload_id

    def send_next(self, file: BinaryIO) -> None:
        """Send the next `PART_BYTES` of the file, or what is left of it."""
        with translated():
            self._etags.append(self._client.send_part(self, len(self._etags) + 1, file))

    def complete(self) -> None:
        """Make the object; it replaces an older one as a whole."""
        with translated():
            self._client.complete_parts(self, self._etags)

    def abort(self) -> None:
        """Throw the parts away, as far as the store can be reached."""
        with suppress(StoreUnavailable), translated():
            self._client.abort_parts(self)


@contextmanager
def translated(key: ObjectKey | None = None) -> Iterator[None]:
    """Turn the client's errors into ours; an object can only be missing where `key` is given."""
    try:
        yield
    except S3Error as error:
        if key is not None and error.code in _MISSING_OBJECT:
            raise ObjectNotFound(key) from error
        raise explain(error) from error
    except (MinioException, HTTPError, ParseError, OSError) as error:
        raise explain(error) from error


@contextmanager
def _mapped(file: BinaryIO, *, part: int) -> Iterator[bytes]:
    """One part of a file as something that the client takes for bytes; counted from 0."""
    start = part * PART_BYTES
    byte_size = min(PART_BYTES, os.fstat(file.fileno()).st_size - start)
    if not byte_size:
        # Nothing cannot be mapped.
        yield b""
        return
    with mmap(file.fileno(), byte_size, offset=start, access=ACCESS_READ) as content:
        # Not bytes by its type, but all that is done with it there: asked for its length, hashed, read.
        yield cast(bytes, content)
