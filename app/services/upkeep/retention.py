"""The sweep: puts right what a crash, a lost hint or a flushed queue left behind. Safe to run anywhere, any time."""

import logging
import time
from datetime import datetime, timedelta

from app.db.engine import Database, utc_now
from app.db.images import bump_revision, changed_images, settle_state
from app.db.replacing import end_replacements, hold_overdue, list_staged
from app.db.uploads import expire_sessions, list_abandoned
from app.db.variants import Waiting, finish_claim, list_waiting, list_worn_out
from app.domain.library_events import LibraryEventKind
from app.errors import SafelightError
from app.events.bus import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue
from app.services.filing.orphans import Orphans, TooManyOrphans
from app.services.library.presets import ASKED_AT_ONCE
from app.services.library.trash import Purger
from app.services.making.outcomes import MAX_LOSSES, report_end, worn_out
from app.services.making.starved import StarvedRetries
from app.services.upkeep.identity import IdentityService, Stranger
from app.services.uploads.leases import Settled, settle_abandoned
from app.services.uploads.partials import PartialFiles
from app.services.uploads.resuming import delete_left
from app.storage.port import ObjectStore
from app.telemetry import DELETED_ORPHANS, KEPT_ORPHANS, LAST_SWEEP, REFUSED_SWEEPS

log = logging.getLogger(__name__)

ANNOUNCE_AGAIN = timedelta(seconds=30)
_BATCH = 500
_ROUND_S = 15
_TRASH_AT_ONCE = 10_000
"""Objects that one look deletes from the store's trash; the next takes the rest."""


class RetentionService:
    """Each method is one kind of mending; `sweep` does all of the frequent ones."""

    def __init__(
        self,
        database: Database,
        store: ObjectStore,
        bus: EventBus,
        queue: RenderQueue,
        partials: PartialFiles,
        orphan_days: int = 7,
    ) -> None:
        self._database = database
        self._store = store
        self._orphan_days = orphan_days
        self._partials = partials
        self._bus = bus
        self._queue = queue
        self._orphans = Orphans(database, store)
        self._identity = IdentityService(database, store)
        self.starved = StarvedRetries(database, bus, queue)
        """Run once by each worker that starts."""
        self._purger = Purger(database, store, bus)

    async def sweep(self) -> None:
        """Everything that is done every few seconds; one kind that cannot be done now does not keep the others."""
        now = utc_now()
        is_whole = True
        for mend in (
            self.expire,
            self.settle_abandoned,
            self.fail_worn_out,
            self.ask_again,
            self.announce_again,
            self.delete_late_orphans,
            self.delete_partials,
            self.empty_trash,
        ):
            try:
                await mend(now)
            except SafelightError as error:
                is_whole = False
                log.warning("sweep_put_off", extra={"part": mend.__name__, "reason": error.code.value})
        if is_whole:
            LAST_SWEEP.set(now.timestamp())

    async def expire(self, now: datetime) -> None:
        """Close sessions whose time is over, and tell those who watch them."""
        async with self._database.write() as db:
            # Images before their sessions, as everywhere: two who lock them in different orders wait for each other.
            await hold_overdue(db, now=now)
            expired = await expire_sessions(db, now=now)
            await end_replacements(db, [session.id for session in expired if session.is_replacement], now=now)
        await self._bus.publish([session.image_id for session in expired])

    async def settle_abandoned(self, now: datetime) -> None:
        """Sessions whose receiving process died: answered where their bytes are registered, open again where not."""
        async with self._database.read() as db:
            abandoned = await list_abandoned(db, now=now, limit=_BATCH)
        for session in abandoned:
            async with self._database.write() as db:
                settled = await settle_abandoned(db, session, now=now)
            if settled is not Settled.ALIVE:
                log.info("upload_settled", extra={"session_id": str(session.id), "outcome": settled.name})
                kind = LibraryEventKind.IMAGE_CREATED if settled is Settled.ANSWERED else None
                await self._bus.publish([session.image_id], kind=kind)

    async def fail_worn_out(self, now: datetime) -> None:
        """Variants that take every worker with them are FAILED, so that they stop."""
        async with self._database.read() as db:
            lost = await list_worn_out(db, now=now, max_losses=MAX_LOSSES, limit=_BATCH)
        for variant in lost:
            async with self._database.write() as db:
                revision = await bump_revision(db, variant.image_id, now=now) or 0
                ending = worn_out(variant, revision, now)
                is_ended = await finish_claim(db, variant, ending.values)
                await settle_state(db, variant.image_id)
            if is_ended:
                report_end(variant, ending.error)
            await self._bus.publish([variant.image_id], kind=LibraryEventKind.VARIANTS_CHANGED)

    async def ask_again(self, now: datetime) -> None:
        """Put every image that waits on the queue; those that are there already stay as they are."""
        async with self._database.read() as db:
            wanted = await list_waiting(db, now=now, limit=_BATCH, which=Waiting.WANTED)
            waiting = await list_waiting(db, now=now, limit=_BATCH)
            # What nobody misses comes last, and little of it at once: uploads shall not wait behind it.
            waiting += await list_waiting(db, now=now, limit=ASKED_AT_ONCE, which=Waiting.STALE)
            waiting += [(session.image_id, 0) for session in await list_staged(db, now=now, limit=_BATCH)]
        round_ = int(time.time()) // _ROUND_S
        for image_id, attempt in wanted:
            await self._queue.enqueue(image_id, attempt=attempt, round_=round_, is_wanted=True)
        asked: dict[ImageId, int] = {}
        for image_id, attempt in waiting:
            asked.setdefault(image_id, attempt)
        for image_id, attempt in asked.items():
            await self._queue.enqueue(image_id, attempt=attempt, round_=round_)

    async def announce_again(self, now: datetime) -> None:
        """Tell what changed lately once more, for those whose first hint was lost."""
        async with self._database.read() as db:
            changed = await changed_images(db, since=now - ANNOUNCE_AGAIN, limit=_BATCH)
        await self._bus.publish([image_id for image_id, _ in changed])

    async def delete_late_orphans(self, now: datetime) -> None:
        """Delete objects that a broken-off upload or render has left since the last sweep."""
        deleted = await self._orphans.delete_lately(now)
        if deleted:
            log.info("orphans_deleted", extra={"count": deleted})

    async def delete_partials(self, _now: datetime) -> None:
        """Delete what has come of resumable uploads whose sessions are over; on this machine."""
        deleted = await delete_left(self._database, self._partials)
        if deleted:
            log.info("partials_deleted", extra={"count": deleted})

    async def empty_trash(self, now: datetime) -> None:
        """Remove for good what has been in the trash for its 30 days."""
        purged = await self._purger.purge_overdue(now)
        if purged:
            log.info("trash_emptied", extra={"count": purged})

    async def delete_orphans(self, *, older_than: timedelta) -> int:
        """Move every object that no row names to the trash; how many there were. Reads the whole store's list.

        Where they are too many to be what a crash left, none is moved and an error is logged.
        """
        try:
            await self._identity.begin_sweep()
            deleted = await self._orphans.trash_all(older_than=older_than)
        except Stranger as error:
            REFUSED_SWEEPS.inc()
            log.error("sweep_refused", extra={"reason": str(error)})
            return 0
        except TooManyOrphans as error:
            KEPT_ORPHANS.set(error.orphan_count)
            counts = {"orphans": error.orphan_count, "objects": error.object_count}
            log.error("orphans_kept", extra={**counts, "reason": str(error)})
            return 0
        KEPT_ORPHANS.set(0)
        DELETED_ORPHANS.inc(deleted)
        if deleted:
            log.info("orphans_moved_to_trash", extra={"count": deleted})
        return deleted

    async def empty_object_trash(self, now: datetime) -> None:
        """Delete orphans that were moved to the store's trash so many days ago."""
        before = (now - timedelta(days=self._orphan_days)).date()
        deleted = await self._store.trash.empty(before=before, limit=_TRASH_AT_ONCE)
        if deleted:
            log.info("object_trash_emptied", extra={"count": deleted})
