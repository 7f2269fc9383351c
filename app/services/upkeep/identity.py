"""Which database and which store belong together: asked before anything is served, and before a sweep deletes.

The database has an id of its own, and the store a marker object with the same id. Nothing is deleted on the word of a
database that the store does not know.
"""

import json
from dataclasses import dataclass
from uuid import UUID

from app.db.engine import Database
from app.db.instance import InstanceRecord, count_sweep, get_instance, list_upload_keys, set_instance
from app.errors import Unavailable
from app.ids import make_uuid
from app.storage.port import ObjectKey, ObjectStore

_SAMPLE = 20
"""Images whose objects are looked for where an older release has written no marker."""


class Stranger(Exception):
    """The database and the store do not belong together; the text names both and the remedy."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem} Let SAFELIGHT_DATABASE_URL and SAFELIGHT_STORE_URL (or SAFELIGHT_DATA_DIR) name parts of one "
            "instance, or run `safelight adopt` to go on with these two on purpose."
        )


@dataclass(frozen=True, slots=True)
class Marker:
    """What the store says of itself."""

    id: UUID
    sweeps: int

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return json.dumps({"instance": str(self.id), "sweeps": self.sweeps}).encode()

    @staticmethod
    def from_bytes(content: bytes) -> "Marker":
        """The inverse.

        Raises:
            Stranger: no marker of ours.
        """
        try:
            told = json.loads(content)
            return Marker(UUID(told["instance"]), int(told["sweeps"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Stranger("The object safelight-instance in the store cannot be read.") from error


class IdentityService:
    """Compares the two sides."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    async def check(self) -> UUID:
        """Return the instance's id if database and store belong together; at the first start they are made to.

        Raises:
            Stranger: they do not.
            Unavailable: one of them does not answer.
        """
        async with self._database.write() as db:
            ours = await get_instance(db)
            upload_keys = await list_upload_keys(db, limit=_SAMPLE)
        marker = await self._read_marker()
        if marker is None:
            await self._check_first_start(ours, upload_keys)
            await self._write_marker(ours)
        elif marker.id != ours.id:
            raise Stranger(f"The database belongs to the instance {ours.id}, the store to the instance {marker.id}.")
        return ours.id

    async def adopt(self, *, has_new_id: bool = False) -> UUID:
        """Make the two one instance, whatever they said before; with a new id where they are a copy of another one."""
        async with self._database.write() as db:
            ours = await get_instance(db)
            try:
                marker = await self._read_marker()
            except Stranger:
                marker = None
            sweeps = max(ours.sweeps, marker.sweeps if marker is not None else 0)
            adopted = InstanceRecord(make_uuid() if has_new_id else ours.id, sweeps)
            await set_instance(db, adopted)
        await self._write_marker(adopted)
        return adopted.id

    async def begin_sweep(self) -> None:
        """Count a sweep of the whole store on both sides; what it finds may be deleted if this returns.

        Raises:
            Stranger: the store belongs to no instance or another one, or was swept by a newer copy of the database.
            Unavailable: one of the two does not answer.
        """
        marker = await self._read_marker()
        async with self._database.write() as db:
            ours = await get_instance(db)
            if marker is None:
                raise Stranger("The store has no object safelight-instance.")
            if marker.id != ours.id:
                raise Stranger(f"The database belongs to instance {ours.id}, the store to instance {marker.id}.")
            if marker.sweeps > ours.sweeps:
                raise Stranger(
                    f"The store has been swept {marker.sweeps} times, of which this database knows {ours.sweeps}: "
                    "it is an older copy."
                )
            counted = await count_sweep(db)
        await self._write_marker(counted)

    async def _check_first_start(self, ours: InstanceRecord, upload_keys: list[str]) -> None:
        has_objects = await self._has_objects()
        if has_objects and not upload_keys:
            raise Stranger(f"The store has images, and the database (instance {ours.id}) has none.")
        if upload_keys and not has_objects:
            raise Stranger(f"The database (instance {ours.id}) has images, and the store is empty.")
        if upload_keys and not await self._has_one_of(upload_keys):
            raise Stranger(f"The store has other images than the database (instance {ours.id}).")

    async def _has_objects(self) -> bool:
        async for _ in self._store.list_objects():
            return True
        return False

    async def _has_one_of(self, upload_keys: list[str]) -> bool:
        for text in upload_keys:
            if await self._store.stat(ObjectKey.parse(text)) is not None:
                return True
        return False

    async def _read_marker(self) -> Marker | None:
        content = await self._store.read_marker()
        return None if content is None else Marker.from_bytes(content)

    async def _write_marker(self, record: InstanceRecord) -> None:
        content = Marker(record.id, record.sweeps).to_bytes()
        await self._store.write_marker(content)
        if await self._store.read_marker() is None:
            raise Unavailable("The store does not keep what is written to it: safelight-instance cannot be read back.")
