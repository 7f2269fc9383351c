"""The right to send one session's bytes: held by one request at a time, renewed by the bytes that come."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID, uuid4

from app.db.engine import Database, Transaction, utc_now
from app.db.images import bump_revision, find_image, settle_state, update_image
from app.db.records import ImageRecord, SessionRecord
from app.db.replacing import end_replacements
from app.db.uploads import (
    complete_receiving,
    find_session,
    hold_abandoned,
    take_session,
    update_held_session,
    update_session,
)
from app.db.variants import reset_variants
from app.domain.states import SessionState
from app.ending import end_soon, start_loop
from app.errors import SafelightError, Unavailable, UploadAlreadyUsed, UploadExpired
from app.events.bus import EventBus

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
_RENEW_EVERY_S = 4.0
_TELL_EVERY_S = 0.25
"""Watchers of the session hear of its progress at most this often."""


class SessionLease:
    """A session that is RECEIVING on behalf of this request."""

    def __init__(self, database: Database, bus: EventBus, session: SessionRecord, lease_id: UUID) -> None:
        self._database = database
        self._bus = bus
        self.session = session
        self.lease_id = lease_id
        self.is_registered = False
        """True once the bytes are an image's: from then on the session cannot be opened again."""
        self._renewed_at = self._told_at = time.monotonic()

    async def note_progress(self, received_bytes: int) -> None:
        """Keep the lease and tell watchers, as often as each needs it.

        Raises:
            UploadAlreadyUsed: the lease ran out meanwhile and another request has it.
        """
        now = time.monotonic()
        if now - self._renewed_at >= _RENEW_EVERY_S:
            self._renewed_at = now
            await self._renew(received_bytes)
        if now - self._told_at >= _TELL_EVERY_S:
            self._told_at = now
            await self._bus.publish([self.session.image_id], received_bytes=received_bytes)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the lease while the context lasts, bytes or not: the store and a slow client may take their time."""
        keeping = start_loop(self._renew_for_ever, name="keep-upload-lease")
        try:
            yield
        finally:
            end_soon(keeping)

    async def release(self) -> None:
        """Leave the session OPEN for another try, unless the image has its bytes after all."""
        await self._finish({"state": SessionState.OPEN, "received_bytes": 0})

    async def renamed(self) -> "SessionLease":
        """The same lease by an id that nobody has had yet: only such a one may name an object.

        Raises:
            UploadAlreadyUsed: it is lost.
        """
        lease_id = uuid4()
        async with self._database.write() as db:
            values = {"lease_id": lease_id, "lease_until": utc_now() + LEASE}
            is_held = await update_held_session(db, self.session.id, self.lease_id, values)
            current = await find_session(db, self.session.id)
        if not is_held:
            raise refusal_of(current or self.session)
        return SessionLease(self._database, self._bus, self.session, lease_id)

    async def pause(self, received_bytes: int) -> bool:
        """Leave the session OPEN for its next part; False where the lease was lost meanwhile."""
        ended = {"state": SessionState.OPEN, "lease_id": None, "lease_until": None}
        values = {**ended, "received_bytes": received_bytes, "updated_at": utc_now()}
        async with self._database.write() as db:
            is_held = await update_held_session(db, self.session.id, self.lease_id, values)
        await self._bus.publish([self.session.image_id])
        return is_held

    async def fail(self, error: SafelightError) -> None:
        """Close the session for good because of its bytes."""
        await self._finish(
            {
                "state": SessionState.FAILED,
                "error_code": error.code.value,
                "error_message": error.message,
                "error_details": error.details,
            }
        )

    async def _renew_for_ever(self) -> None:
        # If it is lost, the registration finds out.
        with contextlib.suppress(UploadAlreadyUsed):
            while True:
                # A pause first: most uploads are over before, and cost no write.
                await asyncio.sleep(_RENEW_EVERY_S)
                with contextlib.suppress(Unavailable):
                    await self._renew()

    async def _renew(self, received_bytes: int | None = None) -> None:
        values: dict[str, object] = {"lease_until": utc_now() + LEASE}
        if received_bytes is not None:
            values["received_bytes"] = received_bytes
        async with self._database.write() as db:
            is_held = await update_held_session(db, self.session.id, self.lease_id, values)
        if not is_held:
            raise UploadAlreadyUsed("The upload was too slow, and another request has taken the session.")

    async def _finish(self, values: dict[str, object]) -> None:
        if self.is_registered:
            return
        now = utc_now()
        values = {**values, "lease_id": None, "lease_until": None, "updated_at": now}
        async with self._database.write() as db:
            draft = await find_image(db, self.session.image_id, for_update=True)
            is_filled = draft is not None and draft.uploaded_at is not None
            if draft is None or (is_filled and not self.session.is_replacement):
                return
            is_held = await update_held_session(db, self.session.id, self.lease_id, values)
            if is_held:
                await _note_broken_off(db, draft, now=now)
            if is_held and values["state"] is SessionState.FAILED:
                await end_replacements(db, [self.session.id], now=now)
        await self._bus.publish([self.session.image_id])


async def take_lease(
    database: Database,
    bus: EventBus,
    session: SessionRecord,
    *,
    lease_id: UUID | None = None,
    received_bytes: int = 0,
) -> SessionLease:
    """Claim an open session: of many who try at once, one has it.

    A `lease_id` that is given can be taken again by whoever knows it; `received_bytes` have come before.

    Raises:
        UploadExpired: its time is over.
        UploadAlreadyUsed: another request is sending, or it has taken its file.
    """
    now, lease_id = utc_now(), lease_id or uuid4()
    async with database.write() as db:
        is_ours = await take_session(
            db, session.id, lease_id=lease_id, now=now, lease_until=now + LEASE, received_bytes=received_bytes
        )
        current = await find_session(db, session.id)
    if not is_ours or current is None:
        raise refusal_of(current or session)
    await bus.publish([session.image_id])
    return SessionLease(database, bus, current, lease_id)


class Settled(Enum):
    """What became of a session whose receiver seemed lost."""

    ALIVE = auto()
    """Somebody renewed, took or ended it meanwhile."""
    ANSWERED = auto()
    """An image has its bytes."""
    REOPENED = auto()
    """Its bytes never became an image's; another try may follow."""


async def settle_abandoned(db: Transaction, session: SessionRecord, *, now: datetime) -> Settled:
    """End what a receiver that was lost has begun; a late one finds that the lease is no longer its own."""
    # The image before the session, as everywhere: two who lock them in different orders wait for each other.
    image = await find_image(db, session.image_id, for_update=True)
    if not await hold_abandoned(db, session, now=now):
        return Settled.ALIVE
    if image is not None and image.uploaded_at is not None and not session.is_replacement:
        await complete_receiving(db, session.image_id, now=now)
        await bump_revision(db, session.image_id, now=now)
        await settle_state(db, session.image_id, leaves_draft=True)
        return Settled.ANSWERED
    # The parts of a resumable upload are kept.
    received_bytes = session.received_bytes if session.lease_id == session.id else 0
    values = {"state": SessionState.OPEN, "lease_id": None, "lease_until": None, "received_bytes": received_bytes}
    await update_session(db, session.id, values, only_in=[SessionState.RECEIVING])
    if image is not None:
        await _note_broken_off(db, image, now=now)
    return Settled.REOPENED


async def _note_broken_off(db: Transaction, draft: ImageRecord, *, now: datetime) -> None:
    """Tell the sweep, however the next try ends, to announce this again and to look for bytes left behind."""
    await update_image(db, draft.id, {"updated_at": now})
    if draft.is_draft:
        # Another attempt than the first is what it goes by. What an image has already is not made anew.
        await reset_variants(db, draft.id, revision=draft.revision)


def refusal_of(session: SessionRecord) -> SafelightError:
    """Why this session takes no bytes now."""
    if session.state is SessionState.CANCELLED:
        return UploadExpired("The upload session was cancelled. Open another one.")
    if session.state is SessionState.RECEIVING:
        return UploadAlreadyUsed("Another request is sending this session's file.")
    if session.state in {SessionState.COMPLETED, SessionState.FAILED}:
        return UploadAlreadyUsed("The session has taken its one file. Open another one.")
    return UploadExpired("The upload session has expired. Open another one.")
