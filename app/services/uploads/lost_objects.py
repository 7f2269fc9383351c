"""Restore objects that the store lost when a client sends the same bytes again: same image, same addresses."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.db.audit import clear_pauses, replan_lost
from app.db.engine import Database, utc_now
from app.db.images import bump_revision, find_image, find_image_by, settle_state
from app.db.records import ImageRecord, VariantRecord
from app.db.variants import list_all_variants, replan_failed
from app.domain.access import Visibility
from app.domain.formats import MEDIA_TYPES
from app.domain.variants import VariantState
from app.errors import SafelightError
from app.ids import AccountId, ImageId
from app.services.uploads.registration import Registrar, dedupe_key
from app.services.uploads.spool import SpooledFile
from app.storage.port import ObjectKey, ObjectStore

log = logging.getLogger(__name__)

_CHECKS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Lost:
    """Rows of one image whose objects are missing or truncated."""

    upload_key: ObjectKey | None
    variants: Sequence[VariantRecord]


async def store_upload(store: ObjectStore, key: ObjectKey, file: SpooledFile, media_type: str) -> None:
    """Put a spooled file, and wait for the end of the put even if the request is cancelled."""
    storing = asyncio.ensure_future(store.put(key, file.path, media_type=media_type))
    try:
        await asyncio.shield(storing)
    finally:
        # A thread that stores cannot be cancelled: clean-up after a cancelled request must run after it.
        await asyncio.wait([storing])


class LostObjects:
    """Compares an image's rows with the store before a duplicate is answered."""

    def __init__(self, database: Database, store: ObjectStore, registrar: Registrar) -> None:
        self._database = database
        self._store = store
        self._registrar = registrar

    async def restore(self, image_id: ImageId, file: SpooledFile) -> None:
        """Store the received bytes under the row's key if its object is lost, and render lost variants again.

        Raises:
            Unavailable: the store or the database does not answer.
        """
        image = await self._find_target(image_id)
        if image is None or image.sha256 != file.sha256 or image.format is None or image.upload_key is None:
            return
        lost = await self._find_lost(image)
        if lost.upload_key is not None:
            await store_upload(self._store, lost.upload_key, file, MEDIA_TYPES[image.format])
        if lost.upload_key is not None or lost.variants:
            await self._plan_again(image, lost)

    async def _find_target(self, image_id: ImageId) -> ImageRecord | None:
        async with self._database.read() as db:
            image = await find_image(db, image_id)
            if image is not None and image.alias_of is not None:
                image = await find_image(db, image.alias_of)
        return image

    async def _find_lost(self, image: ImageRecord) -> _Lost:
        async with self._database.read() as db:
            variants = await list_all_variants(db, image.id)
        ready = [variant for variant in variants if variant.state is VariantState.READY and variant.object_key]
        objects = [(image.upload_key, image.byte_size), *((v.object_key, v.byte_size) for v in ready)]
        is_upload_lost, *are_lost = await are_objects_lost(self._store, objects)
        return _Lost(
            ObjectKey.parse(image.upload_key or "") if is_upload_lost else None,
            [variant for variant, is_lost in zip(ready, are_lost, strict=True) if is_lost],
        )

    async def _plan_again(self, image: ImageRecord, lost: _Lost) -> None:
        now = utc_now()
        async with self._database.write() as db:
            held = await find_image(db, image.id, for_update=True)
            is_current = held is not None and held.upload_key == image.upload_key
            if is_current:
                revision = await bump_revision(db, image.id, now=now) or 0
                for variant in lost.variants:
                    await replan_lost(db, variant, now=now, revision=revision)
                if lost.upload_key is not None:
                    await replan_failed(db, image.id, now=now, revision=revision)
                    await clear_pauses(db, image.id)
                await settle_state(db, image.id)
        if is_current:
            counts = {"upload": lost.upload_key is not None, "variants": len(lost.variants)}
            log.warning("lost_objects_restored", extra={"image_id": str(image.id), **counts})
            await self._registrar.announce_restored(image.id)
        elif lost.upload_key is not None:
            # The image was purged or its bytes were replaced during the put: no row names this key any more.
            await self._store.delete([lost.upload_key])


async def are_objects_lost(store: ObjectStore, objects: Iterable[tuple[str | None, int | None]]) -> list[bool]:
    """Report for each key and size whether the store has no such object, or one of another size.

    Raises:
        Unavailable: the store does not answer.
    """
    gate = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def is_lost(key: str | None, byte_size: int | None) -> bool:
        async with gate:
            stat = await store.stat(ObjectKey.parse(key or ""))
        return stat is None or stat.byte_size != byte_size

    return list(await asyncio.gather(*(is_lost(key, byte_size) for key, byte_size in objects)))


async def find_lost_uploads(
    database: Database, store: ObjectStore, owner_id: AccountId, hashes: Sequence[str]
) -> frozenset[str]:
    """Keys of this owner's uploads with these hashes that the store lost: their bytes must be sent again.

    If the store does not answer, all of them count as lost, because nothing else can be promised.
    """
    keys = [dedupe_key(owner_id, visibility, sha256) for sha256 in hashes for visibility in Visibility]
    if not keys:
        return frozenset()
    async with database.read() as db:
        found = [await find_image_by(db, dedupe_key=key) for key in keys]
    known = [(image.upload_key, image.byte_size) for image in found if image is not None and image.upload_key]
    try:
        are_lost = await are_objects_lost(store, known)
    except SafelightError:
        are_lost = [True] * len(known)
    return frozenset(key for (key, _), is_lost in zip(known, are_lost, strict=True) if key and is_lost)
