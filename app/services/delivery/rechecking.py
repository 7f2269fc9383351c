"""What hints did not tell: a process that lost Redis, or died between commit and hint, has changed images, too."""

from datetime import datetime, timedelta
from typing import Protocol

from app.db.engine import Database, utc_now
from app.db.images import changed_images
from app.ids import ImageId

_LOOKS_BACK = timedelta(seconds=10)
"""A change is dated by the clock of whoever made it, and before its commit."""
_MOST_CHANGES = 1_000


class Cache(Protocol):
    """What is kept of images."""

    def __len__(self) -> int: ...

    def forget(self, image_id: ImageId) -> None:
        """Drop all that is kept of this one."""

    def clear(self) -> None:
        """Drop everything."""


class Rechecking:
    """Asks the rows which images changed, while there is anything that a change could make wrong."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._seen: set[tuple[ImageId, datetime]] = set()

    async def look(self) -> None:
        """Forget what is kept of images that have changed since the last look; to be called again and again.

        Raises:
            Unavailable: the database does not answer; what it does not take cannot change either.
        """
        if len(self._cache) == 0:
            self._seen.clear()
            return
        async with self._database.read() as db:
            changed = await changed_images(db, since=utc_now() - _LOOKS_BACK, limit=_MOST_CHANGES)
        if len(changed) == _MOST_CHANGES:
            self._cache.clear()
        for image_id, _ in set(changed) - self._seen:
            self._cache.forget(image_id)
        self._seen = set(changed)
