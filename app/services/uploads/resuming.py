"""Uploads in parts, each of which may break off: kept in a file until all have come, then taken like any upload."""

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.db.engine import Database, utc_now
from app.db.images import find_image
from app.db.records import SessionRecord
from app.db.replacing import end_replacements
from app.db.snapshots import ImageSnapshot
from app.db.uploads import find_session, find_sessions, update_held_session, update_session
from app.domain.states import OPEN_STATES, SessionState
from app.errors import InvalidFileType, SafelightError, Unauthorized
from app.events.bus import EventBus
from app.ids import SessionId
from app.services.filing.visibility import as_seen_by_holder
from app.services.uploads.disk_faults import disk_faults
from app.services.uploads.leases import SessionLease, refusal_of, take_lease
from app.services.uploads.partials import PartialFile, PartialFiles, in_thread
from app.services.uploads.parts import Part, check_part, write_part
from app.services.uploads.reception import ReceptionService
from app.services.uploads.sessions import UploadService
from app.services.uploads.spool import SpooledFile
from app.services.watching.image_watching import closing_error


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far a resumable upload is."""

    session: SessionRecord
    snapshot: ImageSnapshot
    offset_bytes: int

    @property
    def is_complete(self) -> bool:
        """An image has the bytes."""
        return self.session.state is SessionState.COMPLETED


class ResumingService:
    """Takes parts.

    The session is RECEIVING while one comes, by a lease whose id is the session's own. Whoever holds the lock of its
    file may take that lease again, as the one who had it must be dead.
    """

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        uploads: UploadService,
        reception: ReceptionService,
        files: PartialFiles,
        *,
        scratch_dir: Path,
    ) -> None:
        self._database = database
        self._bus = bus
        self._uploads = uploads
        self._reception = reception
        self._files = files
        self._scratch_dir = scratch_dir

    async def look(self, session_id: SessionId, token: str) -> UploadProgress:
        """How far the upload is.

        Raises:
            Unauthorized: the token is not this session's.
            UploadExpired, or what its bytes were refused with: no image will come of it.
        """
        session = await self._authenticate(session_id, token)
        return await self._progress(session, self._files.size_of(session_id))

    async def append(self, part: Part) -> UploadProgress:
        """Take one part; with the last one the file is checked, stored and registered, and its verdict awaited.

        Raises:
            Unauthorized: the token is not this session's.
            Conflict: the part does not begin where the upload is, or another one comes just now.
            ChecksumMismatch, FileTooLarge: of the part alone; the session stays open.
            What `ReceptionService.receive` raises of the bytes.
        """
        session = await self._authenticate(part.session_id, part.token)
        if session.state is SessionState.COMPLETED:
            check_part(part, session, session.max_bytes)
            return await self._progress(session, session.max_bytes)
        with self._files.locked(session.id) as file:
            offset_bytes = _counted_bytes(file.byte_size, session)
            check_part(part, session, offset_bytes)
            lease = await self._take_lease(session, offset_bytes)
            await self._append_under(lease, file, part)
            if file.byte_size == session.max_bytes:
                await self._complete(await lease.renamed(), file)
            elif not await lease.pause(file.byte_size):
                raise await self._refusal_of(session)
            return await self._progress(session, file.byte_size)

    async def terminate(self, session_id: SessionId, token: str) -> None:
        """Close the session for good, also under a part that comes just now; what has come is gone.

        Raises:
            Unauthorized: the token is not this session's.
            UploadAlreadyUsed: the file is complete, or comes another way.
            UploadExpired: the session was closed before.
        """
        session = await self._authenticate(session_id, token)
        now = utc_now()
        values = {"state": SessionState.CANCELLED, "lease_id": None, "lease_until": None, "updated_at": now}
        async with self._database.write() as db:
            # The image before the session, as everywhere: two who lock them in different orders wait for each other.
            await find_image(db, session.image_id, for_update=True)
            is_closed = await update_session(db, session.id, values, only_in=[SessionState.OPEN])
            is_closed = is_closed or await update_held_session(db, session.id, session.id, values)
            if is_closed:
                await end_replacements(db, [session.id], now=now)
        if not is_closed:
            raise await self._refusal_of(session)
        self._files.delete(session.id)
        await self._bus.publish([session.image_id])

    async def _authenticate(self, session_id: SessionId, token: str) -> SessionRecord:
        principal, session = await self._uploads.authenticate(token)
        if principal.upload_session_id != session_id:
            raise Unauthorized("This upload token belongs to another session.")
        error = closing_error(session)
        if error is not None:
            raise error
        return session

    async def _take_lease(self, session: SessionRecord, offset_bytes: int) -> SessionLease:
        return await take_lease(self._database, self._bus, session, lease_id=session.id, received_bytes=offset_bytes)

    async def _append_under(self, lease: SessionLease, file: PartialFile, part: Part) -> None:
        try:
            await write_part(part, lease, file, scratch_dir=self._scratch_dir)
        except InvalidFileType as error:
            await lease.fail(error)
            self._files.delete(lease.session.id)
            raise
        except BaseException:
            await asyncio.shield(_pause_quietly(lease, _counted_bytes(file.byte_size, lease.session)))
            raise

    async def _complete(self, lease: SessionLease, file: PartialFile) -> None:
        """Whatever is wrong with the bytes is told now; a fault of ours leaves them where they are."""

        async def bring() -> tuple[SpooledFile, str | None]:
            file.check_type()
            return SpooledFile(file.path, file.byte_size, await in_thread(_hash, file.path)), None

        async with lease.kept():
            try:
                await self._reception.receive_held(lease, bring)
            finally:
                await self._delete_if_over(lease.session)

    async def _delete_if_over(self, session: SessionRecord) -> None:
        with contextlib.suppress(SafelightError):
            async with self._database.read() as db:
                current = await find_session(db, session.id)
            if current is not None and current.state not in OPEN_STATES:
                self._files.delete(session.id)

    async def _progress(self, session: SessionRecord, byte_size: int) -> UploadProgress:
        current, snapshot = await self._uploads.get_own(session.id)
        is_complete = current.state is SessionState.COMPLETED
        return UploadProgress(
            current,
            as_seen_by_holder(current, snapshot),
            current.max_bytes if is_complete else _counted_bytes(byte_size, current),
        )

    async def _refusal_of(self, session: SessionRecord) -> SafelightError:
        async with self._database.read() as db:
            current = await find_session(db, session.id)
        return refusal_of(current or session)


async def delete_left(database: Database, files: PartialFiles) -> int:
    """Remove the files of sessions that take no bytes any more; how many there were."""
    found = await asyncio.to_thread(files.list_all)
    if not found:
        return 0
    async with database.read() as db:
        sessions = await find_sessions(db, found)
    left = [id_ for id_ in found if id_ not in sessions or sessions[id_].state not in OPEN_STATES]
    for session_id in left:
        files.delete(session_id)
    return len(left)


def _counted_bytes(byte_size: int, session: SessionRecord) -> int:
    # The last byte counts as come when an image has it: a sender that is told of all would never come back, though the
    # process that had them may have died before it could register them.
    return min(byte_size, session.max_bytes - 1)


async def _pause_quietly(lease: SessionLease, received_bytes: int) -> None:
    # What cannot be put right now, the sweep will.
    with contextlib.suppress(SafelightError):
        await lease.pause(received_bytes)


def _hash(path: Path) -> str:
    with disk_faults("read_part"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
