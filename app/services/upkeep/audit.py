"""Check what must hold, whatever has happened: every promise against the rows and the store, read to the last byte."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from app.db.audit import count_stuck, find_present, list_ready_variants, list_uploaded_images, replan_lost
from app.db.engine import Database, utc_now
from app.db.images import bump_revision, settle_state, update_image
from app.db.records import ImageRecord, VariantRecord
from app.domain.formats import MEDIA_TYPES, SNIFF_BYTES, sniff
from app.services.filing.orphans import Orphans, TooManyOrphans, check_amount, find_orphans
from app.services.upkeep.identity import IdentityService, Stranger
from app.services.uploads.lost_objects import are_objects_lost
from app.services.uploads.scratch import clear_scratch, count_left
from app.storage.port import ObjectKey, ObjectNotFound, ObjectStore

ORPHAN_AGE = timedelta(seconds=60)
STUCK_AGE = timedelta(seconds=30)
_PAGE_ROWS = 200
_READERS = 4
"""Objects that are read at the same time."""

_Row = TypeVar("_Row", ImageRecord, VariantRecord)


class Promise(StrEnum):
    """What is checked; the values are the invariants' numbers."""

    READY_IS_WHOLE = "I1"
    NO_ORPHAN = "I2"
    NOTHING_STUCK = "I3"
    UPLOAD_IS_WHOLE = "I4"
    PURGED_IS_GONE = "I6"
    NO_LEFTOVER = "I7"


MEANINGS = {
    Promise.READY_IS_WHOLE: "READY variants whose object is missing or not what the row says",
    Promise.NO_ORPHAN: "objects that no row names",
    Promise.NOTHING_STUCK: "uploads and variants that should have been finished",
    Promise.UPLOAD_IS_WHOLE: "uploads that do not read back as they came",
    Promise.PURGED_IS_GONE: "objects of images that are gone",
    Promise.NO_LEFTOVER: "temporary files of processes that are gone",
}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How often each promise was broken, and how many of those are mended or on their way."""

    broken: dict[Promise, int]
    repaired: dict[Promise, int]
    refusal: str | None = None
    """Why no object without a row was deleted, where that was asked for."""

    @property
    def is_clean(self) -> bool:
        """Was nothing found?"""
        return not any(self.broken.values())


class AuditService:
    """Memory stays flat: rows come in pages, keys in batches, objects in chunks."""

    def __init__(self, database: Database, store: ObjectStore, *, scratch_dir: Path) -> None:
        self._database = database
        self._store = store
        self._orphans = Orphans(database, store)
        self._scratch_dir = scratch_dir

    async def run(
        self,
        *,
        repair: bool = False,
        delete_all_orphans: bool = False,
        orphan_age: timedelta = ORPHAN_AGE,
        stuck_age: timedelta = STUCK_AGE,
    ) -> AuditReport:
        """Check everything; with `repair`, also let lost variants be made anew and delete what is nobody's.

        A lost upload comes back when its bytes are sent again. An image with damaged bytes of the right size is no
        longer used for duplicates, so that sending it again makes a new image. Stuck work is left to the workers.
        Where objects without a row are too many to be what a crash left, they stay unless `delete_all_orphans` is set.

        Raises:
            Unavailable: the database or the store does not answer.
        """
        audit = _Audit(self._database, self._store, repair=repair)
        await audit.check_rows(list_ready_variants, audit.check_variant)
        await audit.check_rows(list_uploaded_images, audit.check_upload)
        async for batch in self._orphans.batches(older_than=orphan_age):
            await audit.check_objects([stat.key for stat in batch])
        refusal = await self._why_nothing_is_deleted() if repair else None
        if refusal is None and repair and not delete_all_orphans:
            refusal = audit.why_orphans_stay()
        if repair and refusal is None:
            async for batch in self._orphans.batches(older_than=orphan_age):
                await audit.delete_orphans([stat.key for stat in batch])
        async with self._database.read() as db:
            audit.broken[Promise.NOTHING_STUCK] = await count_stuck(db, before=utc_now() - stuck_age)
        audit.broken[Promise.NO_LEFTOVER] = await asyncio.to_thread(count_left, self._scratch_dir)
        if repair:
            await asyncio.to_thread(clear_scratch, self._scratch_dir)
            audit.repaired[Promise.NO_LEFTOVER] = audit.broken[Promise.NO_LEFTOVER]
        counts = {promise: audit.broken[promise] for promise in Promise}
        return AuditReport(counts, {promise: audit.repaired[promise] for promise in Promise}, refusal)

    async def _why_nothing_is_deleted(self) -> str | None:
        identity = IdentityService(self._database, self._store)
        try:
            await identity.check()
            await identity.begin_sweep()
        except Stranger as error:
            return str(error)
        return None


class _Audit:
    """One run, and what it has found."""

    def __init__(self, database: Database, store: ObjectStore, *, repair: bool) -> None:
        self._database = database
        self._store = store
        self._repair = repair
        self.broken: Counter[Promise] = Counter()
        self.repaired: Counter[Promise] = Counter()
        self._object_count = 0

    async def check_rows(
        self, list_page: Callable[..., Awaitable[Sequence[_Row]]], check: Callable[[_Row], Awaitable[None]]
    ) -> None:
        """Check each row of a table, a few at the same time."""
        gate = asyncio.Semaphore(_READERS)

        async def check_in_turn(row: _Row) -> None:
            async with gate:
                await check(row)

        async for page in self._pages(list_page):
            async with asyncio.TaskGroup() as group:
                for row in page:
                    group.create_task(check_in_turn(row))

    async def _pages(self, list_page: Callable[..., Awaitable[Sequence[_Row]]]) -> AsyncIterator[Sequence[_Row]]:
        after: UUID | None = None
        while True:
            async with self._database.read() as db:
                page = await list_page(db, after=after, limit=_PAGE_ROWS)
            if not page:
                return
            yield page
            after = page[-1].id

    async def check_variant(self, variant: VariantRecord) -> None:
        """I1: length, SHA-256 and content type are those of the row."""
        if await self._is_whole(variant.object_key, variant.byte_size, variant.sha256, variant.content_type):
            return
        async with self._database.read() as db:
            page = await list_ready_variants(db, after=_before(variant.id), limit=1)
        if not page or page[0] != variant:
            return  # it was made anew or deleted while its bytes were read
        self.broken[Promise.READY_IS_WHOLE] += 1
        if self._repair and await self._make_anew(variant):
            self.repaired[Promise.READY_IS_WHOLE] += 1

    async def check_upload(self, image: ImageRecord) -> None:
        """I4: the very bytes that were sent."""
        media_type = MEDIA_TYPES[image.format] if image.format is not None else None
        if await self._is_whole(image.upload_key, image.byte_size, image.sha256, media_type):
            return
        async with self._database.read() as db:
            page = await list_uploaded_images(db, after=_before(image.id), limit=1)
        if not page or page[0].upload_key != image.upload_key:
            return
        self.broken[Promise.UPLOAD_IS_WHOLE] += 1
        # A lost object comes back when its bytes are sent again. A damaged one of the right size is not noticed then.
        if self._repair and not await self._is_lost(image):
            async with self._database.write() as db:
                await update_image(db, image.id, {"dedupe_key": None})

    async def _is_lost(self, image: ImageRecord) -> bool:
        return (await are_objects_lost(self._store, [(image.upload_key, image.byte_size)]))[0]

    async def check_objects(self, keys: Sequence[ObjectKey]) -> None:
        """I2 and I6: some row needs each object."""
        self._object_count += len(keys)
        self.broken += (await self._find_orphans(keys))[1]

    def why_orphans_stay(self) -> str | None:
        """Why those that were found may not be deleted; None where they may."""
        orphan_count = self.broken[Promise.NO_ORPHAN] + self.broken[Promise.PURGED_IS_GONE]
        try:
            check_amount(orphan_count, self._object_count)
        except TooManyOrphans as error:
            return str(error)
        return None

    async def delete_orphans(self, keys: Sequence[ObjectKey]) -> None:
        """Move those that no row needs to the trash."""
        orphans, counts = await self._find_orphans(keys)
        if orphans:
            await self._store.trash.add(orphans, on=utc_now().date())
            self.repaired += counts

    async def _find_orphans(self, keys: Sequence[ObjectKey]) -> tuple[list[ObjectKey], Counter[Promise]]:
        async with self._database.read() as db:
            orphans = await find_orphans(db, keys)
            present = await find_present(db, {key.image_id for key in orphans})
        return orphans, Counter(
            Promise.NO_ORPHAN if key.image_id in present else Promise.PURGED_IS_GONE for key in orphans
        )

    async def _is_whole(
        self, key: str | None, byte_size: int | None, sha256: str | None, media_type: str | None
    ) -> bool:
        hasher, length, head = hashlib.sha256(), 0, b""
        try:
            async with self._store.open(ObjectKey.parse(key or "")) as chunks:
                async for chunk in chunks:
                    hasher.update(chunk)
                    length += len(chunk)
                    head = head or chunk[:SNIFF_BYTES]
        except (ObjectNotFound, ValueError):
            return False
        found = sniff(head)
        found_type = MEDIA_TYPES[found] if found is not None else None
        return (length, hasher.hexdigest(), found_type) == (byte_size, sha256, media_type)

    async def _make_anew(self, variant: VariantRecord) -> bool:
        now = utc_now()
        async with self._database.write() as db:
            revision = await bump_revision(db, variant.image_id, now=now)
            is_ours = revision is not None and await replan_lost(db, variant, now=now, revision=revision)
            await settle_state(db, variant.image_id)
        if is_ours and variant.object_key is not None:
            await self._store.delete([ObjectKey.parse(variant.object_key)])
        return is_ours


def _before(row_id: UUID) -> UUID:
    return UUID(int=row_id.int - 1)
