"""Put other bytes in an image's place: the same id and addresses, a new generation of variants.

The new bytes are staged first: the image keeps its old ones until a worker has decoded the new, and for good where
they prove to be no picture.
"""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from app.db.engine import Database, Transaction, utc_now
from app.db.images import bump_revision, find_image, settle_state, update_image
from app.db.on_demand import delete_on_demand
from app.db.records import ImageRecord, SessionRecord
from app.db.replacing import claim_staged, end_replacements, update_staged
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.uploads import find_session, reserved_by, update_session
from app.db.variants import begin_generation, list_all_variants
from app.domain.access import Principal, Scope, require_account
from app.domain.headers.facts import ExifFacts, HeaderFacts
from app.domain.library_events import LibraryEventKind
from app.domain.states import SessionState
from app.errors import Conflict, NotFound, SafelightError
from app.events.bus import EventBus
from app.ids import AccountId, ImageId
from app.services.accounts.accounts import AccountService
from app.services.making.claim import LEASE, Verdict
from app.services.uploads.drafts import DEFAULT_TTL_S
from app.services.uploads.opening import OpenedSession, SessionValues, check_file_bytes, hold_account, insert_session_of
from app.services.uploads.quotas import check_quota
from app.services.uploads.uploaders import Uploaders, check_may_upload
from app.storage.port import ObjectKey

log = logging.getLogger(__name__)


class ReplacementService:
    """Opens sessions whose bytes take the place of an image's."""

    def __init__(self, database: Database, accounts: AccountService, uploaders: Uploaders, bus: EventBus) -> None:
        self._database = database
        self._accounts = accounts
        self._uploaders = uploaders
        self._bus = bus

    async def open(self, principal: Principal, image_id: ImageId, *, file_bytes: int) -> OpenedSession:
        """Reserve room for other bytes of an image, which is not complete while the session is open.

        One that waits for its bytes already is cancelled for this one. Needs the scope IMAGES_WRITE.

        Raises:
            NotFound: there is no such image of the caller's, or its first bytes have not come yet.
            Conflict: the bytes of another replacement are coming in, or are being looked at.
            InvalidRequest, FileTooLarge, QuotaExceeded, RateLimited: as for a new image.
        """
        require_account(principal, Scope.IMAGES_WRITE)
        owner_id = await self._uploaders.admit(principal)
        now = utc_now()
        async with self._database.write() as db:
            account = await hold_account(db, owner_id)
            plan = self._accounts.plan_of(account)
            image = await _hold_own(db, owner_id, image_id)
            await _cancel_waiting(db, image, now=now)
            open_sessions, _ = await reserved_by(db, owner_id, now=now)
            check_may_upload(plan, open_sessions=open_sessions, count=1)
            max_bytes = check_file_bytes(file_bytes, plan)
            # The old bytes go when the new ones are in: only what comes on top must find room.
            more_bytes = max(0, max_bytes - (image.byte_size or 0))
            await check_quota(db, account, plan, needed_bytes=more_bytes, is_new_image=False)
            values = SessionValues(owner_id, image.id, max_bytes, DEFAULT_TTL_S)
            opened = await insert_session_of(db, values, now=now, more={"is_replacement": True})
            await bump_revision(db, image.id, now=now)
            await update_image(db, image.id, {"replacement_id": opened.session.id})
            snapshot: ImageSnapshot = (await read_snapshots(db, [image.id]))[image.id]
        await self._bus.publish([image.id], kind=LibraryEventKind.VARIANTS_CHANGED)
        return opened._replace(snapshot=snapshot)


async def _hold_own(db: Transaction, owner_id: AccountId, image_id: ImageId) -> ImageRecord:
    image = await find_image(db, image_id, for_update=True)
    if image is not None and image.alias_of is not None:
        image = await find_image(db, image.alias_of, for_update=True)
    is_there = image is not None and image.uploaded_at is not None and image.deleted_at is None
    if image is None or image.owner_id != owner_id or image.is_draft or not is_there:
        raise NotFound("There is no such image.")
    return image


async def _cancel_waiting(db: Transaction, image: ImageRecord, *, now: datetime) -> None:
    if image.replacement_id is None:
        return
    values = {"state": SessionState.CANCELLED, "updated_at": now}
    if not await update_session(db, image.replacement_id, values, only_in=[SessionState.OPEN]):
        session = await find_session(db, image.replacement_id)
        if session is not None and session.state is SessionState.RECEIVING:
            raise Conflict("Other bytes are just taking this image's place. Wait for them.", details={"field": "id"})


@dataclass(frozen=True, slots=True)
class Successor:
    """What is known of the bytes that shall take an image's place."""

    facts: HeaderFacts
    exif: ExifFacts | None
    verdict: Verdict


class SwapService:
    """The worker's side: claim staged bytes, and let them in or not. A claim that was lost changes nothing."""

    def __init__(self, database: Database, bus: EventBus, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._bus = bus
        self.lease = lease

    async def claim(self, image_id: ImageId) -> SessionRecord | None:
        """Take the staged bytes of an image; None where there are none to be had."""
        now = utc_now()
        async with self._database.write() as db:
            return await claim_staged(db, image_id, now=now, lease_until=now + self.lease)

    async def renew(self, session: SessionRecord) -> None:
        """Keep a claim that is still being worked on."""
        async with self._database.write() as db:
            await update_staged(db, session, {"lease_until": utc_now() + self.lease})

    async def swap(self, session: SessionRecord, successor: Successor) -> list[ObjectKey] | None:
        """The bytes are a picture: they are the image's from now on, and every variant is planned anew.

        The objects that nobody needs any more; None where the claim was lost.
        """
        now = utc_now()
        async with self._database.write() as db:
            image = await find_image(db, session.image_id, for_update=True)
            values = {"state": SessionState.COMPLETED, "staged_key": None, "lease_until": None, "updated_at": now}
            if image is None or not await update_staged(db, session, values):
                return None
            variants = await list_all_variants(db, image.id)
            # What was only made because somebody asked for it is made again when somebody does.
            await delete_on_demand(db, image.id)
            generation = image.generation + 1
            revision = await bump_revision(db, image.id, now=now) or 0
            columns = _columns_of(session, successor, now=now)
            await update_image(db, image.id, {**columns, "generation": generation})
            await begin_generation(db, image.id, generation=generation, revision=revision, now=now)
            await settle_state(db, image.id)
        await self._bus.publish([image.id], kind=LibraryEventKind.IMAGE_UPDATED)
        log.info("image_replaced", extra={"image_id": str(image.id), "generation": generation})
        old = [image.upload_key, *(variant.object_key for variant in variants)]
        return [ObjectKey.parse(key) for key in old if key is not None]

    async def refuse(self, session: SessionRecord, error: SafelightError) -> bool:
        """The session is FAILED and the image stays as it is. False where the claim was lost."""
        now = utc_now()
        values = {
            "state": SessionState.FAILED,
            "staged_key": None,
            "lease_until": None,
            "error_code": error.code.value,
            "error_message": error.message,
            "error_details": error.details,
            "updated_at": now,
        }
        async with self._database.write() as db:
            await find_image(db, session.image_id, for_update=True)
            if not await update_staged(db, session, values):
                return False
            await end_replacements(db, [session.id], now=now)
        await self._bus.publish([session.image_id], kind=LibraryEventKind.VARIANTS_CHANGED)
        log.info("replacement_refused", extra={"image_id": str(session.image_id), "code": error.code.value})
        return True

    async def put_off(self, session: SessionRecord, *, pause_s: float, counts: bool) -> None:
        """Another try follows after a pause; without `counts` this one was none."""
        tries = session.staged_tries if counts else session.staged_tries - 1
        async with self._database.write() as db:
            not_before = utc_now() + timedelta(seconds=pause_s)
            await update_staged(db, session, {"lease_until": not_before, "staged_tries": tries})


def _columns_of(session: SessionRecord, successor: Successor, *, now: datetime) -> dict[str, object]:
    facts, exif, verdict = successor.facts, successor.exif, successor.verdict
    return {
        "format": facts.format,
        "byte_size": session.received_bytes,
        "width_px": verdict.width_px,
        "height_px": verdict.height_px,
        "frames": facts.frames,
        "has_alpha": facts.has_alpha,
        "sha256": session.sha256,
        "upload_key": session.staged_key,
        # The bytes may be those of another image by now: no upload shall be taken for a duplicate of this one.
        "dedupe_key": None,
        "exif": asdict(exif) if exif is not None else None,
        "taken_at": exif.taken_moment if exif is not None else None,
        "thumbhash": verdict.thumbhash,
        "dominant_color": verdict.dominant_color,
        "placeholder_png": verdict.placeholder_png,
        "replacement_id": None,
        "uploaded_at": now,
        "updated_at": now,
    }
