"""One listener of a library: what it has not been given yet, and when that is too much."""

import asyncio
from dataclasses import dataclass

from app.db.snapshots import ImageSnapshot
from app.domain.library_events import LibraryEventKind
from app.errors import Unavailable
from app.ids import AlbumId, ImageId

MAX_PENDING = 1_000
"""Events that wait for one reader; whoever falls further behind is told so, and lists anew."""


@dataclass(frozen=True, slots=True)
class LibraryChange:
    """Something that happened to an image."""

    kind: LibraryEventKind
    image_id: ImageId
    snapshot: ImageSnapshot | None
    """As it was read afterwards; None once purged."""
    album_id: AlbumId | None
    """Where it is now."""


class LibraryWatcher:
    """Holds each kind of change of each image once, with the newest state: a slow reader finds no backlog."""

    __slots__ = ("_album_id", "_is_lost", "_pending", "_wake")

    def __init__(self, album_id: AlbumId | None) -> None:
        self._album_id = album_id
        self._pending: dict[tuple[ImageId, LibraryEventKind], LibraryChange] = {}
        self._wake = asyncio.Event()
        self._is_lost = False

    def tell(self, change: LibraryChange, *, left_album_id: AlbumId | None) -> None:
        """Keep a change for the reader, if it is one of the album's: of what comes, stays or goes."""
        is_elsewhere = self._album_id is not None and self._album_id not in {change.album_id, left_album_id}
        if is_elsewhere or self._is_lost:
            return
        key = (change.image_id, change.kind)
        # The later one takes the place at the end: the last event of an image always tells how it is.
        self._pending.pop(key, None)
        self._pending[key] = change
        self._wake.set()
        if len(self._pending) > MAX_PENDING:
            self.lose()

    def lose(self) -> None:
        """Say that more happened than can be told."""
        self._pending.clear()
        self._is_lost = True
        self._wake.set()

    async def next(self) -> LibraryChange:
        """The next change, as soon as there is one.

        Raises:
            Unavailable: too much happened since the last.
        """
        while not (self._pending or self._is_lost):
            self._wake.clear()
            await self._wake.wait()
        if self._is_lost:
            message = "More happened than this subscription could tell. Subscribe again, and list the images anew."
            raise Unavailable(message, retry_after_s=1)
        return self._pending.pop(next(iter(self._pending)))
