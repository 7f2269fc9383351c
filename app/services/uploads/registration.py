"""Make an image of a stored upload in one transaction, or find the one that has its bytes already."""

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from enum import Enum, auto

from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.images import bump_revision, find_image, find_image_by, settle_state, update_image
from app.db.records import AccountRecord, ImageRecord, SessionRecord
from app.db.uploads import complete_receiving, update_held_session
from app.db.variants import delete_variants
from app.domain.access import Visibility
from app.domain.filenames import clean_filename
from app.domain.formats import EXTENSIONS
from app.domain.headers.facts import ExifFacts, HeaderFacts
from app.domain.library_events import LibraryEventKind
from app.domain.states import SessionState
from app.errors import Conflict, UploadAlreadyUsed
from app.events.bus import EventBus
from app.ids import AccountId, ImageId
from app.jobs import RenderQueue
from app.services.filing.indexing import index_image, unindex_image
from app.services.filing.places import settle_filename
from app.services.making.planning import plan_more
from app.services.uploads.leases import LEASE, SessionLease
from app.services.uploads.spool import SpooledFile
from app.storage.port import ObjectKey

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Arrival:
    """An upload that is checked and stored, with all that its headers tell."""

    file: SpooledFile
    facts: HeaderFacts
    exif: ExifFacts | None
    key: ObjectKey
    filename: str | None
    """As it was sent with the bytes."""


class Registered(Enum):
    """What became of an arrival."""

    NEW = auto()
    DUPLICATE = auto()
    UNDECIDED = auto()
    """The same bytes came a moment ago and nobody knows yet whether they are a picture: ask again."""
    STAGED = auto()
    """They will take the place of an image's bytes, if they are a picture."""
    GONE = auto()
    """The image was deleted for good meanwhile, and the session with it."""


def dedupe_key(owner_id: AccountId, visibility: Visibility, sha256: str) -> str:
    """What two uploads share that are one image. PRIVATE bytes never match a PUBLIC image, nor the reverse."""
    return f"{owner_id}:{visibility.value}:{sha256}"


def is_deduplicated(account: AccountRecord, visibility: Visibility) -> bool:
    """May uploads of these bytes share an image? Guests do not know each other: none must learn of another's image."""
    return visibility is Visibility.PUBLIC or not account.is_guest


class Registrar:
    """The one place where drafts become images."""

    def __init__(self, database: Database, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._bus = bus
        self._queue = queue

    async def register(self, lease: SessionLease, arrival: Arrival) -> tuple[Registered, bool]:
        """Give the session's image its bytes, or make it an alias of the image that has them.

        Beside what became of it: whether workers were told. Where they were not, no verdict is to be waited for.

        Raises:
            UploadAlreadyUsed: the lease ran out meanwhile.
        """
        for _ in range(_TRIES):
            try:
                async with self._database.write() as db:
                    outcome, image_id = await _register(db, lease, arrival)
            except RowConflict:
                # Another process registered the same bytes between the look and the write: look again.
                await asyncio.sleep(0)
                continue
            lease.is_registered = outcome is not Registered.UNDECIDED
            return outcome, await self._announce(outcome, lease.session, image_id)
        raise UploadAlreadyUsed("The same file is being sent many times at once. Try again.")

    async def find_undecided(self, lease: SessionLease, arrival: Arrival) -> ImageId | None:
        """The image that has the same bytes and waits for its verdict."""
        async with self._database.read() as db:
            draft = await find_image(db, lease.session.image_id)
            if draft is None:
                return None
            key = dedupe_key(draft.owner_id, draft.visibility, arrival.file.sha256)
            present = await find_image_by(db, dedupe_key=key)
        return present.id if present is not None else None

    async def in_next_generation(self, lease: SessionLease, arrival: Arrival) -> Arrival:
        """The arrival under a key that counts this replacement."""
        async with self._database.read() as db:
            image = await find_image(db, lease.session.image_id)
        generation = image.generation + 1 if image is not None else 1
        return replace(arrival, key=ObjectKey.upload(lease.session.image_id, generation, lease.lease_id))

    async def complete(self, image_id: ImageId) -> None:
        """Answer the session of an image that waits for its verdict no longer; it is listed from now on."""
        now = utc_now()
        async with self._database.write() as db:
            await find_image(db, image_id, for_update=True)
            is_answered = await complete_receiving(db, image_id, now=now)
            if is_answered:
                await bump_revision(db, image_id, now=now)
                await settle_state(db, image_id, leaves_draft=True)
        await self._bus.publish([image_id], kind=LibraryEventKind.IMAGE_CREATED if is_answered else None)

    async def announce_restored(self, image_id: ImageId) -> None:
        """Enqueue a new job for an image whose lost objects are back, and notify its subscribers."""
        await asyncio.gather(
            self._queue.enqueue(image_id, attempt=0, round_=int(time.time() * 1000)),
            self._bus.publish([image_id], kind=LibraryEventKind.VARIANTS_CHANGED),
        )

    async def _announce(self, outcome: Registered, session: SessionRecord, image_id: ImageId) -> bool:
        if outcome in {Registered.UNDECIDED, Registered.GONE}:
            return False
        # An image that is there has had its first job.
        round_ = int(time.time() * 1000) if outcome is Registered.STAGED else 0
        # Both at once: a Redis that hangs is waited for once.
        is_queued, _ = await asyncio.gather(
            self._queue.enqueue(image_id, attempt=0, round_=round_),
            self._bus.publish([session.image_id, image_id]),
        )
        return is_queued


async def _register(db: Transaction, lease: SessionLease, arrival: Arrival) -> tuple[Registered, ImageId]:
    # The image before the session, as everywhere: two who lock them in different orders wait for each other.
    draft = await find_image(db, lease.session.image_id, for_update=True)
    if draft is None:
        return Registered.GONE, lease.session.image_id
    if lease.session.is_replacement:
        await _stage(db, lease, arrival, draft)
        return Registered.STAGED, draft.id
    key = dedupe_key(draft.owner_id, draft.visibility, arrival.file.sha256)
    present = None if lease.session.is_kept_apart else await find_image_by(db, dedupe_key=key)
    if present is None:
        await _fill(db, lease, arrival, draft, None if lease.session.is_kept_apart else key)
        return Registered.NEW, draft.id
    if present.is_draft:
        return Registered.UNDECIDED, present.id
    await _alias(db, lease, arrival, draft, present)
    return Registered.DUPLICATE, present.id


async def _stage(db: Transaction, lease: SessionLease, arrival: Arrival, image: ImageRecord) -> None:
    if image.deleted_at is not None:
        raise Conflict("The image is in the trash. Restore it first.", details={"field": "id"})
    now = utc_now()
    # No lease any more: from now on workers take the session, and give it back.
    given_up = {"lease_id": None, "lease_until": None}
    await _hold(db, lease, arrival, {**given_up, "staged_key": arrival.key.text, "updated_at": now})
    await update_image(db, image.id, {"updated_at": now})


async def _fill(db: Transaction, lease: SessionLease, arrival: Arrival, draft: ImageRecord, key: str | None) -> None:
    now = utc_now()
    await _hold(db, lease, arrival, {"lease_until": now + LEASE})
    width_px, height_px = arrival.facts.displayed_size
    filename = await settle_filename(db, draft.album_id, _filename(draft, arrival), of=draft.id)
    await update_image(
        db,
        draft.id,
        {
            "filename": filename,
            "format": arrival.facts.format,
            "byte_size": arrival.file.byte_size,
            "width_px": width_px,
            "height_px": height_px,
            "frames": arrival.facts.frames,
            "has_alpha": arrival.facts.has_alpha,
            "sha256": arrival.file.sha256,
            "upload_key": arrival.key.text,
            "dedupe_key": key,
            "exif": asdict(arrival.exif) if arrival.exif is not None else None,
            "taken_at": arrival.exif.taken_moment if arrival.exif is not None else None,
            "uploaded_at": now,
            "updated_at": now,
        },
    )
    if filename != draft.filename:
        await index_image(db, draft._replace(filename=filename))


async def _alias(
    db: Transaction, lease: SessionLease, arrival: Arrival, draft: ImageRecord, present: ImageRecord
) -> None:
    now = utc_now()
    values = {"state": SessionState.COMPLETED, "is_duplicate": True, "lease_id": None, "lease_until": None}
    await _hold(db, lease, arrival, {**values, "updated_at": now})
    await delete_variants(db, draft.id)
    dropped = dict.fromkeys(("custom_id", "custom_key", "album_id"))
    await update_image(db, draft.id, {"alias_of": present.id, **dropped, "updated_at": now})
    await unindex_image(db, draft)
    await plan_more(db, present, draft.policy.planned)


async def _hold(db: Transaction, lease: SessionLease, arrival: Arrival, values: dict[str, object]) -> None:
    facts = {"sha256": arrival.file.sha256, "received_bytes": arrival.file.byte_size}
    if not await update_held_session(db, lease.session.id, lease.lease_id, {**facts, **values}):
        raise UploadAlreadyUsed("The upload was too slow, and another request has taken the session.")


def _filename(draft: ImageRecord, arrival: Arrival) -> str:
    if draft.filename != draft.short_id:
        return draft.filename
    return clean_filename(arrival.filename, fallback=f"{draft.short_id}.{EXTENSIONS[arrival.facts.format]}")
