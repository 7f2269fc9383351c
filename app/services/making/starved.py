"""Try again what FAILED on a worker with less memory than this one has."""

import logging

from app.db.engine import Database, utc_now
from app.db.images import bump_revision, find_image, settle_state
from app.db.variants import list_starved, replan_failed
from app.domain.library_events import LibraryEventKind
from app.events.bus import EventBus
from app.ids import ImageId
from app.jobs import RenderQueue

log = logging.getLogger(__name__)

_BATCH = 500


class StarvedRetries:
    """Run once at the start of each worker."""

    def __init__(self, database: Database, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._bus = bus
        self._queue = queue

    async def retry(self, *, memory_bytes: int) -> int:
        """Give new tries to all that FAILED on a worker with less memory than this one has; how many images."""
        retried: set[ImageId] = set()
        while True:
            async with self._database.read() as db:
                found = await list_starved(db, memory_bytes=memory_bytes, limit=_BATCH)
            # What cannot be retried must not be found again and again.
            image_ids = [image_id for image_id in found if image_id not in retried]
            if not image_ids:
                return len(retried)
            for image_id in image_ids:
                await self._retry_image(image_id, memory_bytes=memory_bytes)
                retried.add(image_id)

    async def _retry_image(self, image_id: ImageId, *, memory_bytes: int) -> None:
        now = utc_now()
        async with self._database.write() as db:
            image = await find_image(db, image_id, for_update=True)
            revision = await bump_revision(db, image_id, now=now)
            if image is None or revision is None:
                return
            await replan_failed(db, image_id, now=now, revision=revision, memory_bytes=memory_bytes)
            await settle_state(db, image_id)
        log.info("starved_image_retried", extra={"image_id": str(image_id)})
        await self._queue.enqueue(image_id, attempt=0, round_=revision)
        await self._bus.publish([image_id], kind=LibraryEventKind.VARIANTS_CHANGED)
