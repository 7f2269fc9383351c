"""Follow one image for any number of watchers, reading its rows once for all of them.

Level-triggered: a hint only says "look again". Whoever joins is registered first and the rows are read after that,
so that a change in between is seen; whoever is slow finds the newest state, not a backlog.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

from app.db.engine import Database
from app.db.snapshots import ImageSnapshot, read_watched
from app.domain.states import SessionState
from app.ending import end_soon, start_loop
from app.errors import Unavailable
from app.events.bus import EventBus
from app.events.hints import Hint
from app.ids import ImageId
from app.telemetry import PUSH_DELAY_SECONDS, SUBSCRIBERS

REREAD_S = 30.0
"""A lost hint delays a watcher by no more than this."""
_RETRY_S = 1.0


class Watcher:
    """One listener of a feed: wakes when there is something newer than it has seen.

    An `asyncio.Event` with a timeout would do, and weigh two kilobytes for each subscription.
    """

    __slots__ = ("_is_woken", "_waiting")

    def __init__(self) -> None:
        self._is_woken = False
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Say that there is something new."""
        self._is_woken = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, timeout_s: float) -> bool:
        """Return True when woken, or False after `timeout_s` seconds; for one at a time."""
        if not self._is_woken:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            ending = loop.call_later(timeout_s, _settle, self._waiting)
            try:
                await self._waiting
            finally:
                ending.cancel()
                self._waiting = None
        was_woken, self._is_woken = self._is_woken, False
        return was_woken


def _settle(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class ImageFeed:
    """The newest state of one image, as long as somebody watches."""

    def __init__(self, database: Database, bus: EventBus, image_id: ImageId) -> None:
        self._database = database
        self._bus = bus
        self._image_id = image_id
        self._watchers: set[Watcher] = set()
        self._dirty = asyncio.Event()
        self._listening = contextlib.ExitStack()
        self._followed: set[ImageId] = set()
        self._reads_begun = 0
        self._reads_done = 0
        self._read_done = asyncio.Condition()
        self._hinted_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self.latest: ImageSnapshot | None = None
        self.received_bytes = 0
        self.is_holding = True
        """May a request be held until the image changes? Not when the server stops."""

    @property
    def is_watched(self) -> bool:
        """Has anybody joined and not left?"""
        return bool(self._watchers)

    @contextlib.contextmanager
    def joined(self) -> Iterator[Watcher]:
        """Be woken by every change while the context lasts."""
        watcher = Watcher()
        if not self._watchers:
            self._follow(self._image_id)
            self._task = start_loop(self._read_for_ever, name=f"feed-{self._image_id}")
        self._watchers.add(watcher)
        SUBSCRIBERS.inc()
        try:
            yield watcher
        finally:
            SUBSCRIBERS.dec()
            self._watchers.discard(watcher)
            if not self._watchers:
                self._stop()

    async def read_now(self) -> ImageSnapshot | None:
        """The state as of a reading that begins after this call; many callers share one reading."""
        wanted = self._reads_begun + 1
        self._dirty.set()
        async with self._read_done:
            await self._read_done.wait_for(lambda: self._reads_done >= wanted)
        return self.latest

    def mark_dirty(self) -> None:
        """Read the rows again: something may have been missed."""
        self._dirty.set()

    def _stop(self) -> None:
        self._listening.close()
        self._followed.clear()
        if self._task is not None:
            end_soon(self._task)

    def _follow(self, image_id: ImageId) -> None:
        if image_id not in self._followed:
            self._followed.add(image_id)
            self._listening.enter_context(self._bus.listening(image_id, self._on_hint))

    def _on_hint(self, hint: Hint) -> None:
        if hint.received_bytes is not None:
            self.received_bytes = hint.received_bytes
            self.wake_all()
            return
        self._hinted_at = self._hinted_at or hint.committed_at
        self._dirty.set()

    async def _read_for_ever(self) -> None:
        pause_s = REREAD_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._dirty.wait()
            self._dirty.clear()
            pause_s = REREAD_S if await self._read() else _RETRY_S

    async def _read(self) -> bool:
        self._reads_begun += 1
        this_read, hinted_at, self._hinted_at = self._reads_begun, self._hinted_at, None
        try:
            async with self._database.read() as db:
                snapshot = await read_watched(db, self._image_id)
        except Unavailable:
            # Nothing is known, so nothing is said; those who wait for a first answer go on waiting.
            return False
        if snapshot is not None and snapshot.image.id not in self._followed:
            # A duplicate: from now on the image that was there before is the one to follow; look once more,
            # as it may have changed before it was followed.
            self._follow(snapshot.image.id)
            self._dirty.set()
        if snapshot != self.latest:
            # What is equal stays the same object: each idle watcher holds on to what it has seen.
            self.latest = snapshot
        session = snapshot.session if snapshot is not None else None
        if session is not None and session.state is not SessionState.RECEIVING:
            self.received_bytes = 0  # the next try begins to count anew
        self.wake_all()
        if hinted_at is not None:
            PUSH_DELAY_SECONDS.observe(max(0.0, time.time() - hinted_at))
        async with self._read_done:
            self._reads_done = this_read
            self._read_done.notify_all()
        return True

    def wake_all(self) -> None:
        """Let every watcher look again."""
        for watcher in self._watchers:
            watcher.wake()


class Feeds:
    """All feeds of this process."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._feeds: dict[ImageId, ImageFeed] = {}
        self._is_holding = True
        bus.on_resync(self._mark_all_dirty)

    @contextlib.asynccontextmanager
    async def watching(self, image_id: ImageId) -> AsyncIterator[tuple[ImageFeed, Watcher]]:
        """Join the feed of an image, which is made for the first and ends with the last who watches."""
        feed = self._feeds.get(image_id)
        if feed is None:
            feed = self._feeds[image_id] = ImageFeed(self._database, self._bus, image_id)
            feed.is_holding = self._is_holding
        try:
            with feed.joined() as watcher:
                yield feed, watcher
        finally:
            if not feed.is_watched and self._feeds.get(image_id) is feed:
                del self._feeds[image_id]

    def stop_holding(self) -> None:
        """Wake everybody: whoever holds a request answers it with what there is."""
        self._is_holding = False
        for feed in self._feeds.values():
            feed.is_holding = False
            feed.wake_all()

    def _mark_all_dirty(self) -> None:
        for feed in self._feeds.values():
            feed.mark_dirty()
