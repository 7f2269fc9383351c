"""Bytes in: claim the session, spool, check, store, register, and wait for the verdict."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.db.accounts import find_account
from app.db.albums import find_album
from app.db.engine import Database, utc_now
from app.db.records import SessionRecord
from app.db.snapshots import ImageSnapshot
from app.db.uploads import find_session
from app.domain.formats import MEDIA_TYPES
from app.domain.headers.facts import Budget
from app.domain.states import OPEN_STATES, SessionState
from app.errors import (
    ChecksumMismatch,
    FetchFailed,
    FileTooLarge,
    ImageTooLarge,
    InvalidFileType,
    InvalidImage,
    SafelightError,
    Unauthorized,
    Unavailable,
    UrlNotAllowed,
)
from app.events.bus import EventBus
from app.ids import ImageId, SessionId
from app.services.filing.visibility import as_seen_by_holder
from app.services.uploads.checking import check_file
from app.services.uploads.leases import SessionLease, refusal_of, settle_abandoned, take_lease
from app.services.uploads.lost_objects import LostObjects, store_upload
from app.services.uploads.registration import Arrival, Registered, Registrar
from app.services.uploads.sessions import UploadService
from app.services.uploads.spool import Spool, SpooledFile, spooling
from app.services.watching.feeds import Feeds
from app.services.watching.image_watching import closing_error
from app.storage.port import ObjectStore
from app.telemetry import UPLOAD_BYTES, UPLOADS

VERDICT_WAIT_S = 2.0
UNDECIDED_WAIT_S = 10.0
"""How long an upload waits for the verdicts on others that brought the same bytes."""
# What is wrong with the bytes themselves, or with where they lie, spends the session; anything else leaves it open for
# another try.
_SPENDING_ERRORS = (
    *(ChecksumMismatch, FileTooLarge, ImageTooLarge, InvalidFileType, InvalidImage),
    *(FetchFailed, UrlNotAllowed),
)
Bring = Callable[[], Awaitable[tuple[SpooledFile, str | None]]]
"""Makes a file complete; it and the name that came with it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One request that brings the bytes of a session."""

    session_id: SessionId
    token: str
    chunks: AsyncIterator[bytes]
    """The file's bytes. Whoever makes them raises `UploadIncomplete` where the body ends before its own end."""
    announced_bytes: int | None = None
    """The length that the request announces."""
    framing_bytes: int = 0
    """How much longer than the file the request may be."""
    sent_filename: Callable[[], str | None] = lambda: None
    """The name that came with the bytes; asked when they have come."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How an upload ended well."""

    session: SessionRecord
    snapshot: ImageSnapshot
    owner_name: str
    """The username of the image's owner."""
    is_of_guest: bool
    is_new: bool
    """False where the bytes were there already: a duplicate, or sent before."""

    @property
    def is_undecided(self) -> bool:
        """Are these a replacement's bytes of which nobody knows yet whether they are a picture?"""
        return self.session.is_replacement and self.session.state is SessionState.RECEIVING


@dataclass(frozen=True, slots=True)
class ReceptionLimits:
    """Where uploads lie while they come, and what they may promise."""

    scratch_dir: Path
    budget: Budget


class ReceptionService:
    """Turns a request's bytes into an image."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        uploads: UploadService,
        registrar: Registrar,
        feeds: Feeds,
        bus: EventBus,
        limits: ReceptionLimits,
    ) -> None:
        self._database = database
        self._store = store
        self._uploads = uploads
        self._registrar = registrar
        self._feeds = feeds
        self._bus = bus
        self._limits = limits
        self._lost = LostObjects(database, store, registrar)

    async def receive(self, sending: Sending) -> Reception:
        """Take the one file of a session.

        Raises:
            Unauthorized: the token is not this session's.
            UploadAlreadyUsed: another request sends, or sent other bytes.
            UploadExpired: the session's time is over.
            NotFound: the image whose bytes these shall replace was deleted for good meanwhile.
            FileTooLarge, InvalidFileType, ImageTooLarge, InvalidImage, ChecksumMismatch: the bytes are refused,
                and the session is FAILED.
        """
        reception = await _counted(self._receive(sending))
        return replace(reception, snapshot=as_seen_by_holder(reception.session, reception.snapshot))

    async def receive_held(self, lease: SessionLease, bring: Bring, *, awaits_verdict: bool = True) -> Reception:
        """Take the file that `bring` brings for a session whose lease is held; the lease ends here in every case.

        Without `awaits_verdict` the session stays RECEIVING until the worker that decodes the file has its verdict.

        Raises:
            What `receive` raises of the bytes, and what `bring` does.
        """
        return await _counted(self._receive_held(lease, bring, awaits_verdict=awaits_verdict))

    async def _receive(self, sending: Sending) -> Reception:
        principal, session = await self._uploads.authenticate(sending.token)
        if principal.upload_session_id != sending.session_id:
            raise Unauthorized("This upload token belongs to another session.")
        if session.state is SessionState.RECEIVING:
            session = await self._settle_if_abandoned(session)
        if session.state is SessionState.COMPLETED:
            return await self._receive_again(sending, session)
        if session.state not in OPEN_STATES:
            raise refusal_of(session)
        _check_announced(sending, session)
        with spooling(self._limits.scratch_dir, max_bytes=session.max_bytes) as spool:
            lease = await take_lease(self._database, self._bus, session)

            async def bring() -> tuple[SpooledFile, str | None]:
                return await self._spool(spool, lease, sending), sending.sent_filename()

            return await self._receive_held(lease, bring)

    async def _receive_held(self, lease: SessionLease, bring: Bring, *, awaits_verdict: bool = True) -> Reception:
        try:
            arrival = await check_file(lease, *await bring(), self._limits.budget)
            await self._uploads.reserve(lease.session, arrival.file.byte_size)
            return await self._store_and_register(lease, arrival, awaits_verdict=awaits_verdict)
        except _SPENDING_ERRORS as error:
            await lease.fail(error)
            raise
        except BaseException:
            # A broken connection, a full disk, a cancelled request: the session stays open for another try.
            # Shielded, because a request that was cancelled must still be able to say so.
            # What it may have stored the sweep deletes, which asks the rows: after an answer of the database that was
            # lost, the image may be there.
            await asyncio.shield(_quietly(lease.release()))
            raise

    async def _settle_if_abandoned(self, session: SessionRecord) -> SessionRecord:
        """What the sweep would do: whoever retries after a crash shall not have to wait for it."""
        now = utc_now()
        if session.lease_until is None or session.lease_until >= now:
            return session
        async with self._database.write() as db:
            await settle_abandoned(db, session, now=now)
            return await find_session(db, session.id) or session

    async def _store_and_register(self, lease: SessionLease, arrival: Arrival, *, awaits_verdict: bool) -> Reception:
        if lease.session.is_replacement:
            arrival = await self._registrar.in_next_generation(lease, arrival)
        async with lease.kept():
            await store_upload(self._store, arrival.key, arrival.file, MEDIA_TYPES[arrival.facts.format])
            verdict_by = asyncio.get_running_loop().time() + VERDICT_WAIT_S
            outcome, is_queued = await self._register(lease, arrival)
        # Of whom no worker has heard, none will speak in time.
        if outcome is Registered.NEW and awaits_verdict:
            await self._await_verdict(lease.session.image_id, by=verdict_by if is_queued else 0)
        elif outcome is Registered.STAGED and awaits_verdict and is_queued:
            await self._wait_for_session(lease.session.image_id, by=verdict_by + UNDECIDED_WAIT_S)
        elif outcome not in {Registered.NEW, Registered.STAGED}:
            await asyncio.shield(_quietly(self._store.delete([arrival.key])))
            await self._lost.restore(lease.session.image_id, arrival.file)
        return await self._result(lease.session.id, is_new=outcome in {Registered.NEW, Registered.STAGED})

    async def _register(self, lease: SessionLease, arrival: Arrival) -> tuple[Registered, bool]:
        # Of many who send the same bytes at once each may have to wait for the verdict on the one before: bytes that
        # prove to be no picture must become nobody's duplicate.
        give_up_at = asyncio.get_running_loop().time() + UNDECIDED_WAIT_S
        while (registered := await self._registrar.register(lease, arrival))[0] is Registered.UNDECIDED:
            if asyncio.get_running_loop().time() >= give_up_at:
                raise Unavailable("The same file is being looked at just now. Send it again.", retry_after_s=2)
            await self._await_other_verdict(lease, arrival)
        return registered

    async def _spool(self, spool: Spool, lease: SessionLease, sending: Sending) -> SpooledFile:
        async with lease.kept():
            async for chunk in sending.chunks:
                await spool.add(chunk)
                UPLOAD_BYTES.inc(len(chunk))
                await lease.note_progress(spool.received_bytes)
        return await spool.finish()

    async def _receive_again(self, sending: Sending, session: SessionRecord) -> Reception:
        """The same bytes once more are answered as the first time; a client may have lost that answer."""
        try:
            _check_announced(sending, session)
            with spooling(self._limits.scratch_dir, max_bytes=session.max_bytes) as spool:
                async for chunk in sending.chunks:
                    await spool.add(chunk)
                file = await spool.finish()
                if file.sha256 == session.sha256:
                    await self._lost.restore(session.image_id, file)
        except (FileTooLarge, InvalidFileType) as error:
            raise refusal_of(session) from error
        if file.sha256 != session.sha256:
            raise refusal_of(session)
        return await self._result(session.id, is_new=False)

    async def _await_verdict(self, image_id: ImageId, *, by: float) -> None:
        """Wait until the caged child has decoded the picture, or long enough; then answer for it.

        Raises:
            InvalidImage, ImageTooLarge: it cannot be decoded.
        """
        if not await self._wait_for_session(image_id, by=by):
            await self._registrar.complete(image_id)

    async def _wait_for_session(self, image_id: ImageId, *, by: float) -> bool:
        async with self._feeds.watching(image_id) as (feed, watcher):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(by):
                    snapshot = await feed.read_now()
                    while snapshot and snapshot.session and snapshot.session.state is SessionState.RECEIVING:
                        await watcher.wait(VERDICT_WAIT_S)
                        snapshot = feed.latest
                    return True
        return False

    async def _await_other_verdict(self, lease: SessionLease, arrival: Arrival) -> None:
        if (image_id := await self._registrar.find_undecided(lease, arrival)) is not None:
            await self._wait_for_session(image_id, by=asyncio.get_running_loop().time() + VERDICT_WAIT_S)

    async def _result(self, session_id: SessionId, *, is_new: bool) -> Reception:
        session, snapshot = await self._uploads.get_own(session_id)
        error = closing_error(session)
        if error is not None:
            raise error
        async with self._database.read() as db:
            owner = await find_account(db, session.owner_id)
            album = await find_album(db, place) if (place := snapshot.image.album_id) is not None else None
        assert owner is not None, "a foreign key holds it"
        return Reception(session, replace(snapshot, album=album), owner.username, owner.is_guest, is_new)


async def _counted(receiving: Awaitable[Reception]) -> Reception:
    try:
        reception = await receiving
    except SafelightError as error:
        UPLOADS.labels(outcome=error.code.value).inc()
        raise
    UPLOADS.labels(outcome="created" if reception.is_new else "duplicate").inc()
    return reception


def _check_announced(sending: Sending, session: SessionRecord) -> None:
    if sending.announced_bytes is None or sending.announced_bytes <= session.max_bytes + sending.framing_bytes:
        return
    message = f"The file has more than the {session.max_bytes} bytes of its session."
    raise FileTooLarge(message, details={"maxBytes": session.max_bytes})


async def _quietly(action: Awaitable[None]) -> None:
    # What cannot be put right now, the sweep will.
    with contextlib.suppress(SafelightError):
        await action
