"""Delete images, for 30 days or for good, and restore them."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.images import bump_revision, find_image, update_image
from app.db.old_names import note_old_place
from app.db.records import ImageRecord
from app.db.snapshots import read_snapshots
from app.db.trash import list_overdue, remove_images
from app.domain.access import Principal, Scope, require_account
from app.domain.library_events import LibraryEventKind
from app.errors import Conflict, NotFound, SafelightError
from app.events.bus import EventBus
from app.ids import AccountId, ImageId
from app.jobs import RenderQueue
from app.services.filing.indexing import index_image
from app.services.filing.orphans import Orphans
from app.services.filing.places import settle_filename
from app.services.library.changes import enqueue_rest, free_dedupe_key
from app.services.library.own_images import Batch, check_batch, hold_own
from app.storage.port import ObjectStore

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=30)
_PURGED_AT_ONCE = 100
_TRIES = 3


def purge_at(image: ImageRecord) -> datetime | None:
    """When the trash empties itself of an image; None for one that is not in it."""
    return image.deleted_at + KEPT_FOR if image.deleted_at is not None else None


class TrashService:
    """The way out of the library, and back. All of it needs the scope IMAGES_WRITE."""

    def __init__(self, database: Database, store: ObjectStore, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._bus = bus
        self._queue = queue
        self._purger = Purger(database, store, bus)

    async def delete(self, principal: Principal, image_ids: Sequence[ImageId], *, permanent: bool) -> Batch:
        """Move images into the trash, where they stay for `KEPT_FOR`, or remove them for good, files included.

        What is in the trash already counts as done. Drafts are refused: their session is what can be cancelled.

        Raises:
            InvalidRequest: there are too many ids.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        wanted = check_batch(image_ids)
        batch = Batch()
        async with self._database.write() as db:
            deletable = await _hold_deletable(db, owner_id, wanted, batch)
            ids = list(dict.fromkeys(image.id for image in deletable.values()))
            if permanent:
                gone = await remove_images(db, ids)
            else:
                gone = await _throw_away(db, deletable.values())
        batch.done = list(deletable)
        if permanent:
            await self._purger.finish(gone, deletable.values())
        else:
            await self._bus.publish(gone, kind=LibraryEventKind.IMAGE_DELETED)
        return batch

    async def restore(self, principal: Principal, image_ids: Sequence[ImageId]) -> Batch:
        """Take images out of the trash, back to where they were; a filename that is taken by now gets a number.

        An image whose bytes were uploaded again meanwhile stays an image of its own.

        Raises:
            InvalidRequest: there are too many ids.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        wanted = check_batch(image_ids)
        for _ in range(_TRIES):
            try:
                async with self._database.write() as db:
                    batch = await _restore_many(db, owner_id, wanted)
            except RowConflict:
                # The same bytes came between the look and the write.
                continue
            await self._announce(batch)
            return batch
        raise Conflict("The images are being changed by many at once. Try again.")

    async def _announce(self, restored: Batch) -> None:
        await self._bus.publish(restored.changed, kind=LibraryEventKind.IMAGE_RESTORED)
        for snapshot in restored.snapshots:
            if not all(variant.is_final for variant in snapshot.variants):
                # Nobody makes anything of what is in the trash: what was under way then is asked for again.
                await enqueue_rest(self._queue, snapshot)


class Purger:
    """Removes for good: rows first, so that nothing names the files any more, then the files."""

    def __init__(self, database: Database, store: ObjectStore, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._orphans = Orphans(database, store)

    async def purge_overdue(self, now: datetime) -> int:
        """Remove some of what has been in the trash for `KEPT_FOR`; how many images."""
        async with self._database.write() as db:
            overdue = await list_overdue(db, deleted_before=now - KEPT_FOR, limit=_PURGED_AT_ONCE)
            gone = await remove_images(db, [image.id for image in overdue]) if overdue else []
        await self.finish(gone, overdue)
        return len(overdue)

    async def finish(self, gone: Sequence[ImageId], images: Iterable[ImageRecord]) -> None:
        """Tell that images have no rows any more, nor have their aliases, and delete their files."""
        places = {image.id: image for image in images}
        await self._bus.publish(
            gone,
            kind=LibraryEventKind.IMAGE_PURGED,
            left_albums={key: image.album_id for key, image in places.items()},
            owners={key: image.owner_id for key, image in places.items()},
        )
        await self._delete_files(gone)

    async def _delete_files(self, image_ids: Sequence[ImageId]) -> None:
        # What the store does not take now, the sweep will find.
        for image_id in image_ids:
            try:
                await self._orphans.delete_of(image_id)
            except SafelightError as error:
                log.warning("files_kept", extra={"image_id": str(image_id), "reason": error.code.value})
                return


async def _hold_deletable(
    db: Transaction, owner_id: AccountId, wanted: Sequence[ImageId], batch: Batch
) -> dict[ImageId, ImageRecord]:
    held = await hold_own(db, owner_id, wanted, with_trash=True)
    deletable = {}
    for asked_id in wanted:
        image = held.get(asked_id)
        if image is None:
            batch.failed[asked_id] = NotFound("There is no such image.")
        elif image.is_draft:
            batch.failed[asked_id] = Conflict("It has no file yet. Cancel its upload session instead.")
        else:
            deletable[asked_id] = image
    return deletable


async def _throw_away(db: Transaction, images: Iterable[ImageRecord]) -> list[ImageId]:
    now = utc_now()
    thrown: list[ImageId] = []
    for image in images:
        if image.deleted_at is None and image.id not in thrown:
            # Its addresses stop answering, so its readiness changes; its state stays for the day it is restored.
            await bump_revision(db, image.id, now=now)
            await update_image(db, image.id, {"deleted_at": now, "dedupe_key": None})
            thrown.append(image.id)
    return thrown


async def _restore_many(db: Transaction, owner_id: AccountId, wanted: Sequence[ImageId]) -> Batch:
    batch = Batch()
    held = await hold_own(db, owner_id, wanted, with_trash=True)
    restored: dict[ImageId, ImageId] = {}
    for asked_id in wanted:
        image = held.get(asked_id)
        if image is None:
            batch.failed[asked_id] = NotFound("There is no such image.")
            continue
        if image.deleted_at is not None and image.id not in restored.values():
            await _restore(db, image)
            batch.changed[image.id] = image.album_id
        restored[asked_id] = image.id
    snapshots = await read_snapshots(db, list(restored.values()))
    batch.done = list(restored)
    batch.snapshots = [snapshots[image_id] for image_id in restored.values()]
    return batch


async def _restore(db: Transaction, image: ImageRecord) -> None:
    filename = await settle_filename(db, image.album_id, image.filename, of=image.id)
    await bump_revision(db, image.id, now=utc_now())
    key = await free_dedupe_key(db, image, image.visibility)
    await update_image(db, image.id, {"deleted_at": None, "filename": filename, "dedupe_key": key})
    if filename != image.filename:
        await note_old_place(db, image, now=utc_now())
        changed = await find_image(db, image.id)
        assert changed is not None, "its row is held"
        await index_image(db, changed)
