"""The sweep: puts right what a crash, a lost hint or a flushed queue left behind. Safe to run anywhere, any time."""

import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

from app.db.engine import Database, utc_now
from app.db.images import bump_revision, changed_images, named_keys, settle_state
from app.db.uploads import complete_receiving, expire_sessions, list_abandoned, update_session
from app.db.variants import count_unfinished, finish_claim, list_waiting, list_worn_out
from app.domain.states import SessionState
from app.domain.variants import VariantState
from app.errors import ErrorCode
from app.events import EventBus
from app.jobs import RenderQueue
from app.storage.port import ObjectKey, ObjectStore
from app.telemetry import QUEUE_DEPTH

log = logging.getLogger(__name__)

MAX_LOSSES = 8
"""So many times a variant may be lost with its worker before it is FAILED."""
ANNOUNCE_AGAIN = timedelta(seconds=30)
SCRATCH_MAX_AGE_S = 3600
_BATCH = 500
_ROUND_S = 15


class RetentionService:
    """Each method is one kind of mending; `sweep` does all of the frequent ones."""

    def __init__(self, database: Database, store: ObjectStore, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._store = store
        self._bus = bus
        self._queue = queue

    async def sweep(self) -> None:
        """Everything that is done every few seconds."""
        now = utc_now()
        await self.expire(now)
        await self.settle_abandoned(now)
        await self.fail_worn_out(now)
        await self.ask_again(now)
        await self.announce_again(now)

    async def expire(self, now: datetime) -> None:
        """Close sessions whose time is over, and tell those who watch them."""
        async with self._database.write() as db:
            expired = await expire_sessions(db, now=now)
        await self._bus.publish([session.image_id for session in expired])

    async def settle_abandoned(self, now: datetime) -> None:
        """Sessions whose receiving process died: answered where their bytes are registered, open again where not."""
        async with self._database.read() as db:
            abandoned = await list_abandoned(db, now=now, limit=_BATCH)
        for session, is_registered in abandoned:
            async with self._database.write() as db:
                if is_registered:
                    await complete_receiving(db, session.image_id, now=now)
                    await bump_revision(db, session.image_id, now=now)
                    await settle_state(db, session.image_id)
                else:
                    values = {"state": SessionState.OPEN, "lease_id": None, "lease_until": None, "received_bytes": 0}
                    await update_session(db, session.id, values, only_in=[SessionState.RECEIVING])
            if not is_registered and session.lease_id is not None:
                # Its bytes may have been stored before the process died; no row ever named them.
                await self._store.delete([ObjectKey.upload(session.image_id, 1, session.lease_id)])
            await self._bus.publish([session.image_id])

    async def fail_worn_out(self, now: datetime) -> None:
        """Variants that take every worker with them are FAILED, so that they stop."""
        async with self._database.read() as db:
            worn_out = await list_worn_out(db, now=now, max_losses=MAX_LOSSES, limit=_BATCH)
        for variant in worn_out:
            async with self._database.write() as db:
                revision = await bump_revision(db, variant.image_id, now=now) or 0
                values = {
                    "state": VariantState.FAILED,
                    "revision": revision,
                    "error_code": ErrorCode.RENDER_FAILED.value,
                    "error_message": "Rendering broke off again and again.",
                    "updated_at": now,
                }
                await finish_claim(db, variant, values)
                await settle_state(db, variant.image_id)
            await self._bus.publish([variant.image_id])

    async def ask_again(self, now: datetime) -> None:
        """Put every image that waits on the queue; those that are there already stay as they are."""
        async with self._database.read() as db:
            waiting = await list_waiting(db, now=now, limit=_BATCH)
            depth = await count_unfinished(db)
        for state, count in depth.items():
            QUEUE_DEPTH.labels(state=state.value).set(count)
        round_ = int(time.time()) // _ROUND_S
        for image_id, attempt in waiting:
            await self._queue.enqueue(image_id, attempt=attempt, round_=round_)

    async def announce_again(self, now: datetime) -> None:
        """Tell what changed lately once more, for those whose first hint was lost."""
        async with self._database.read() as db:
            changed = await changed_images(db, since=now - ANNOUNCE_AGAIN, limit=_BATCH)
        await self._bus.publish([image_id for image_id, _revision in changed])

    async def delete_orphans(self, *, older_than: timedelta) -> int:
        """Delete objects that no row names; how many there were. Reads the whole store's list: rarely, then."""
        deleted = 0
        batch: list[ObjectKey] = []
        async for stat in self._store.list_objects(older_than=utc_now() - older_than):
            batch.append(stat.key)
            if len(batch) >= _BATCH:
                deleted += await self._delete_unnamed(batch)
                batch = []
        return deleted + await self._delete_unnamed(batch)

    async def _delete_unnamed(self, keys: list[ObjectKey]) -> int:
        images = {key.image_id for key in keys}
        async with self._database.read() as db:
            named = await named_keys(db, images)
        unnamed = [key for key in keys if key.text not in named]
        await self._store.delete(unnamed)
        return len(unnamed)


def remove_stale_scratch(scratch_dir: Path, *, max_age_s: float = SCRATCH_MAX_AGE_S) -> None:
    """Delete what uploads of killed processes left in the scratch folder."""
    limit = time.time() - max_age_s
    for path in scratch_dir.glob("upload-*"):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
