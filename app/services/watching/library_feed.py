"""What happens to the images of whole libraries, read once for all who watch them in this process.

A hint says which image to look at; its row says the rest. Nothing is read, and nothing runs, while nobody watches.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.db.engine import Database, utc_now
from app.db.images import find_images, list_changed
from app.db.records import ImageRecord
from app.db.snapshots import ImageSnapshot
from app.db.variants import list_variants
from app.domain.library_events import LibraryEventKind
from app.ending import end_soon, start_loop
from app.errors import Unavailable
from app.events.bus import EventBus
from app.events.hints import Hint
from app.ids import AccountId, AlbumId, ImageId
from app.services.watching.library_watcher import MAX_PENDING, LibraryChange, LibraryWatcher
from app.telemetry import PUSH_DELAY_SECONDS, SUBSCRIBERS

_READ_AT_ONCE = 100
_MAX_UNREAD = 20_000
_MAX_TOLD = 10_000
_RETRY_S = 1.0
# Clocks of machines differ a little, and a transaction's time is not that of its commit.
_TOLERANCE = timedelta(seconds=5)

_Unread = dict[LibraryEventKind | None, Hint]
"""What was heard of one image, each kind once, in the order of their last occurrences."""


@dataclass(frozen=True, slots=True)
class _Told:
    """The state of an image that watchers know."""

    revision: int
    updated_at: datetime
    is_deleted: bool

    @staticmethod
    def of(image: ImageRecord) -> "_Told":
        return _Told(image.revision, image.updated_at, image.deleted_at is not None)


class LibraryFeed:
    """Reads what was hinted at, and hands it to the watchers of its owner."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._watchers: dict[AccountId, set[LibraryWatcher]] = {}
        self._unread: dict[ImageId, _Unread] = {}
        self._told: OrderedDict[ImageId, _Told] = OrderedDict()
        self._missed_since: datetime | None = None
        self._begun_at = utc_now()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        bus.listen_to_all(self._on_hint, self._on_resync)

    @property
    def is_watched(self) -> bool:
        """Has anybody joined and not left?"""
        return bool(self._watchers)

    @contextlib.contextmanager
    def joined(self, owner_id: AccountId, album_id: AlbumId | None) -> Iterator[LibraryWatcher]:
        """Be told of every change of this owner's images, or of one album's, while the context lasts."""
        watcher = LibraryWatcher(album_id)
        if not self._watchers:
            self._begun_at = utc_now() - _TOLERANCE
            self._task = start_loop(self._read_for_ever, name="library-feed")
        self._watchers.setdefault(owner_id, set()).add(watcher)
        SUBSCRIBERS.inc()
        try:
            yield watcher
        finally:
            SUBSCRIBERS.dec()
            watchers = self._watchers[owner_id]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[owner_id]
            if not self._watchers:
                self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            end_soon(self._task)
        self._unread.clear()
        self._told.clear()
        self._missed_since = None

    def _on_hint(self, hint: Hint) -> None:
        if not self._watchers or hint.received_bytes is not None:
            return
        kinds = self._unread.setdefault(hint.image_id, {})
        before = kinds.pop(hint.kind, None)
        came_from = before.left_album_id if before is not None else None
        # Of several moves the first tells where the image was when watchers last heard of it.
        kinds[hint.kind] = replace(hint, left_album_id=came_from) if came_from is not None else hint
        if len(self._unread) > _MAX_UNREAD:
            self._unread.clear()
            self._lose_all()
        self._wake.set()

    def _on_resync(self) -> None:
        if self._watchers:
            silent_for = timedelta(seconds=min(self._bus.seconds_since_vouched, 86_400))
            since = max(self._begun_at, utc_now() - silent_for - _TOLERANCE)
            self._missed_since = min(since, self._missed_since or since)
            self._wake.set()

    async def _read_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._find_missed()
                while self._unread:
                    await self._read_some()
            except Unavailable:
                # What is unread stays so, and is looked at when the database is back.
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    async def _find_missed(self) -> None:
        since = self._missed_since
        if since is None:
            return
        async with self._database.read() as db:
            missed = await list_changed(db, tuple(self._watchers), since=since, limit=MAX_PENDING + 1)
        self._missed_since = None
        if len(missed) > MAX_PENDING:
            self._lose_all()
            return
        for image_id in missed:
            self._on_hint(Hint(image_id, time.time()))

    async def _read_some(self) -> None:
        unread = {image_id: dict(self._unread[image_id]) for image_id in list(self._unread)[:_READ_AT_ONCE]}
        async with self._database.read() as db:
            found = await find_images(db, list(unread))
            # An alias's own id is nobody's image any more.
            watched = {key: row for key, row in found.items() if row.id == key and row.owner_id in self._watchers}
            variants = await list_variants(db, watched)
        for image_id, kinds in unread.items():
            self._forget_read(image_id, kinds)
            if image_id in watched:
                self._tell_of(ImageSnapshot(image_id, watched[image_id], tuple(variants[image_id])), kinds.values())
            elif image_id not in found:
                self._tell_purged(image_id, kinds.get(LibraryEventKind.IMAGE_PURGED))

    def _forget_read(self, image_id: ImageId, kinds: _Unread) -> None:
        # What was heard while the rows were read has a reading of its own.
        current = self._unread.get(image_id)
        if current is None:
            return
        later = {kind: hint for kind, hint in current.items() if kinds.get(kind) is not hint}
        if later:
            self._unread[image_id] = later
        else:
            del self._unread[image_id]

    def _tell_of(self, snapshot: ImageSnapshot, hints: Iterable[Hint]) -> None:
        image = snapshot.image
        if image.is_draft:
            return
        for hint in hints:
            kind = self._kind_of(image, hint.kind)
            if kind is not None:
                self._remember(image)
                self._tell(image.owner_id, LibraryChange(kind, image.id, snapshot, image.album_id), hint)

    def _kind_of(self, image: ImageRecord, hinted: LibraryEventKind | None) -> LibraryEventKind | None:
        """What watchers are told; None where they know all of it."""
        told = self._told.get(image.id)
        if hinted not in {None, LibraryEventKind.VARIANTS_CHANGED}:
            return hinted
        if told == _Told.of(image):
            return None
        if hinted is not None:
            return hinted
        return _found_kind(image, told, self._begun_at)

    def _remember(self, image: ImageRecord) -> None:
        self._told[image.id] = _Told.of(image)
        self._told.move_to_end(image.id)
        if len(self._told) > _MAX_TOLD:
            self._told.popitem(last=False)

    def _tell_purged(self, image_id: ImageId, hint: Hint | None) -> None:
        self._told.pop(image_id, None)
        if hint is not None and hint.owner_id is not None:
            self._tell(hint.owner_id, LibraryChange(LibraryEventKind.IMAGE_PURGED, image_id, None, None), hint)

    def _tell(self, owner_id: AccountId, change: LibraryChange, hint: Hint) -> None:
        for watcher in self._watchers.get(owner_id, ()):
            watcher.tell(change, left_album_id=hint.left_album_id)
        PUSH_DELAY_SECONDS.observe(max(0.0, time.time() - hint.committed_at))

    def _lose_all(self) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.lose()


def _found_kind(image: ImageRecord, told: _Told | None, begun_at: datetime) -> LibraryEventKind | None:
    """What the row alone says, where the hint of a change was lost: the sweep announces again, or Redis is back."""
    is_deleted = image.deleted_at is not None
    if told is None and image.updated_at < begun_at:
        return None
    if told is None and not is_deleted and image.uploaded_at is not None and image.uploaded_at >= begun_at:
        return LibraryEventKind.IMAGE_CREATED
    if is_deleted is not (told is not None and told.is_deleted):
        return LibraryEventKind.IMAGE_DELETED if is_deleted else LibraryEventKind.IMAGE_RESTORED
    if told is not None and told.revision != image.revision:
        return LibraryEventKind.VARIANTS_CHANGED
    return LibraryEventKind.IMAGE_UPDATED
