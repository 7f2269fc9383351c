"""An album's uploads as one ZIP archive, written while it is sent: nothing is kept but the names and the checksums."""

import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from app.db.albums import find_album, list_uploads_in
from app.db.credentials import list_signing_keys
from app.db.engine import Database
from app.domain.access import Principal, Scope
from app.domain.filenames import download_filename, portable_names
from app.domain.signatures import verify
from app.domain.zip_format import (
    Member,
    Written,
    archive_bytes,
    archive_end,
    central_header,
    data_descriptor,
    local_header,
)
from app.errors import Forbidden, NotFound
from app.ids import AlbumId
from app.storage.port import ObjectKey, ObjectNotFound, ObjectStore

_DIRECTORY_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Archive:
    """What is going to be sent."""

    filename: str
    members: Sequence[tuple[Member, ObjectKey]]

    @property
    def byte_size(self) -> int:
        """How long it will be, to the byte."""
        return archive_bytes(member for member, _ in self.members)


class ArchiveService:
    """Albums for their owners, and for whoever holds a signed address."""

    def __init__(self, database: Database, store: ObjectStore, *, base_path: str) -> None:
        self._database = database
        self._store = store
        self._base_path = base_path

    async def find(self, principal: Principal, album_id: AlbumId | None) -> Archive:
        """The archive of the caller's own album. Needs the scopes ALBUMS_READ and IMAGES_READ.

        Raises:
            NotFound: there is no such album of the caller's.
        """
        async with self._database.read() as db:
            album = await find_album(db, album_id) if album_id is not None else None
        scopes = (Scope.ALBUMS_READ, Scope.IMAGES_READ)
        if album is None or not all(principal.owns(album.owner_id, scope) for scope in scopes):
            raise NotFound("There is no such album.")
        return await self._read(album.id, album.slug)

    async def find_signed(self, album_id: AlbumId | None, path_and_query: str, *, now_s: float) -> Archive:
        """The archive behind a signed address.

        Raises:
            Forbidden: none of the owner's keys signed it, its time is over, or there is no such album.
        """
        async with self._database.read() as db:
            album = await find_album(db, album_id) if album_id is not None else None
            records = [] if album is None else (await list_signing_keys(db, [album.owner_id]))[album.owner_id]
        until_s = verify(path_and_query, [record.value for record in records], now_s=now_s, base_path=self._base_path)
        if album is None or until_s is None:
            raise Forbidden("The signature of this address is not good, or its time is over.")
        return await self._read(album.id, album.slug)

    async def _read(self, album_id: AlbumId, slug: str) -> Archive:
        async with self._database.read() as db:
            uploads = await list_uploads_in(db, album_id)
        names = portable_names([download_filename(upload.filename, upload.format) for upload in uploads])
        members = [
            (Member(name, upload.byte_size, upload.uploaded_at), ObjectKey.parse(upload.key))
            for name, upload in zip(names, uploads, strict=True)
        ]
        return Archive(f"{slug}.zip", members)

    async def stream(self, archive: Archive) -> AsyncIterator[bytes]:
        """The archive's bytes, never more than one chunk of the store's at a time.

        The first member's object is open before the first byte comes. A member that is gone or of another length
        than the rows say ends it in the middle: a whole archive has all of them.

        Raises:
            ObjectNotFound: a member was deleted or replaced meanwhile.
            Unavailable: the store does not answer.
        """
        written: list[Written] = []
        offset = 0
        for member, key in archive.members:
            crc32 = sent_bytes = 0
            async with self._store.open(key) as chunks:
                head = local_header(member)
                yield head
                async for chunk in chunks:
                    crc32, sent_bytes = zlib.crc32(chunk, crc32), sent_bytes + len(chunk)
                    yield chunk
            if sent_bytes != member.byte_size:
                raise ObjectNotFound(key)
            tail = data_descriptor(member, crc32)
            yield tail
            written.append(Written(member, crc32, offset))
            offset += len(head) + sent_bytes + len(tail)
        for part in _directory(written, offset):
            yield part


def _directory(written: Sequence[Written], offset: int) -> list[bytes]:
    parts, directory_bytes = [bytearray()], 0
    for one in written:
        header = central_header(one)
        directory_bytes += len(header)
        parts[-1] += header
        if len(parts[-1]) > _DIRECTORY_CHUNK_BYTES:
            parts.append(bytearray())
    parts[-1] += archive_end(members=len(written), directory_offset=offset, directory_bytes=directory_bytes)
    return [bytes(part) for part in parts]
