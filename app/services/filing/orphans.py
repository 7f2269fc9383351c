"""Find and delete objects that nobody needs: no row names them, and no upload or render under way may yet be named.

Neither needs an age to be safe: a lease or a claim stands in a row before its object is written, and never comes back.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.db.audit import list_running_claims, list_running_leases, list_staged_keys, list_troubled
from app.db.engine import Database, Transaction, utc_now
from app.db.images import named_keys
from app.ids import ImageId
from app.storage.port import ObjectKey, ObjectStat, ObjectStore

BATCH = 500
MAX_ORPHANS = 100
"""A crash leaves a few; more than this and than 1 % of the store is taken for a wrong database."""
_AT_ONCE = 10_000
_FIRST_LOOK_BACK = timedelta(minutes=15)
_SECOND_LOOK = timedelta(seconds=75)
"""A store that hung may carry out what it was told long after nobody waits for it: it is looked at once more."""


class TooManyOrphans(Exception):
    """So many objects without a row that the database and the store probably do not belong together."""

    def __init__(self, orphan_count: int, object_count: int) -> None:
        super().__init__(
            f"{orphan_count} of {object_count} objects in the store are named by no row of this database. "
            "Check that SAFELIGHT_DATABASE_URL and SAFELIGHT_STORE_URL belong together; nothing was deleted. "
            "If they do, `safelight audit --repair --orphans` moves these objects to the store's trash."
        )
        self.orphan_count = orphan_count
        self.object_count = object_count


def check_amount(orphan_count: int, object_count: int) -> None:
    """Refuse to take the database's word alone for the deletion of much of a store.

    Raises:
        TooManyOrphans: more than `MAX_ORPHANS` and more than 1 % of the objects have no row, or all of them.
    """
    is_stranger = orphan_count == object_count
    if orphan_count and (is_stranger or orphan_count > max(MAX_ORPHANS, object_count // 100)):
        raise TooManyOrphans(orphan_count, object_count)


@dataclass(slots=True)
class _Listing:
    """Objects counted, and the first orphans among them: the next run takes the rest."""

    object_count: int = 0
    orphan_count: int = 0
    orphans: list[ObjectKey] = field(default_factory=list)

    def add(self, object_count: int, orphans: Sequence[ObjectKey]) -> None:
        """Count one batch."""
        self.object_count += object_count
        self.orphan_count += len(orphans)
        self.orphans += orphans[: _AT_ONCE - len(self.orphans)]


class Orphans:
    """The store's side of tidying up."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store
        self._looked_until: datetime | None = None

    async def delete_of(self, image_id: ImageId) -> int:
        """Delete those of one image; how many there were."""
        return await self._delete_among([stat.key async for stat in self._store.list_objects(image_id)])

    async def delete_lately(self, now: datetime) -> int:
        """Delete those of images where something went wrong since the last look; how many there were."""
        since = self._looked_until or now - _FIRST_LOOK_BACK
        deleted = 0
        for until in (now, now - _SECOND_LOOK):
            async with self._database.read() as db:
                troubled = await list_troubled(db, since=since - (now - until), until=until)
            for image_id in troubled:
                deleted += await self.delete_of(image_id)
        self._looked_until = now
        return deleted

    async def trash_all(self, *, older_than: timedelta) -> int:
        """Move all of them to the trash, however they came to be. Reads the whole store's list: rarely, then.

        Raises:
            TooManyOrphans: see `check_amount`. Nothing was moved.
        """
        found = await self._find_all(older_than=older_than)
        check_amount(found.orphan_count, found.object_count)
        deleted = 0
        for start in range(0, len(found.orphans), BATCH):
            # Asked once more, as a listing of a large store takes its time.
            deleted += await self._trash_among(found.orphans[start : start + BATCH])
        return deleted

    async def _trash_among(self, keys: Sequence[ObjectKey]) -> int:
        async with self._database.read() as db:
            orphans = await find_orphans(db, keys)
        await self._store.trash.add(orphans, on=utc_now().date())
        return len(orphans)

    async def _find_all(self, *, older_than: timedelta) -> "_Listing":
        listing = _Listing()
        async for batch in self.batches(older_than=older_than):
            async with self._database.read() as db:
                listing.add(len(batch), await find_orphans(db, [stat.key for stat in batch]))
        return listing

    async def batches(self, *, older_than: timedelta) -> AsyncIterator[list[ObjectStat]]:
        """The whole store's list, a few hundred objects at a time."""
        batch: list[ObjectStat] = []
        async for stat in self._store.list_objects(older_than=utc_now() - older_than):
            batch.append(stat)
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _delete_among(self, keys: Sequence[ObjectKey]) -> int:
        if not keys:
            return 0
        async with self._database.read() as db:
            orphans = await find_orphans(db, keys)
        await self._store.delete(orphans)
        return len(orphans)


async def find_orphans(db: Transaction, keys: Sequence[ObjectKey]) -> list[ObjectKey]:
    """Those of the keys that nobody needs. To be asked after the keys were listed, not before."""
    images = {key.image_id for key in keys}
    named = await named_keys(db, images)
    arriving = {(image_id, f"upload-{lease}") for image_id, lease in await list_running_leases(db, images)}
    rendering = {
        ObjectKey.variant(claim.image_id, claim.generation, claim.attempt, claim.family, claim.size, "x").text[:-1]
        for claim in await list_running_claims(db, images)
    }
    needed = named | await list_staged_keys(db, images)

    def is_needed(key: ObjectKey) -> bool:
        return (
            key.text in needed
            or (key.image_id, key.text.rpartition("/")[2]) in arriving
            or _without_extension(key) in rendering
        )

    return [key for key in keys if not is_needed(key)]


def _without_extension(key: ObjectKey) -> str:
    return key.text[: key.text.rfind(".") + 1]
