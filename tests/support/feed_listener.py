"""A listener that watches a library, and writes down each change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.domain.access import Principal
from app.domain.library_events import LibraryEventKind
from app.ids import AlbumId, ImageId
from app.services.watching.library_feed import LibraryFeed
from app.services.watching.library_watcher import LibraryChange
from app.services.watching.library_watching import LibraryWatchService
from tests.support.library_fixture import Shelf
from tests.support.waiting import eventually, in_time


@dataclass
class Ear:
    """The changes that came so far and were not asked for yet."""

    heard: list[LibraryChange] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, changes: AsyncIterator[LibraryChange]) -> None:
        """Write down, until cancelled."""
        async for change in changes:
            self.heard.append(change)
            self._more.set()

    async def next(self) -> LibraryChange:
        """The next change."""
        while not self.heard:
            self._more.clear()
            await in_time(self._more.wait())
        return self.heard.pop(0)

    async def hear(self, count: int) -> list[tuple[LibraryEventKind, ImageId]]:
        """The next so many."""
        told = [await self.next() for _ in range(count)]
        return [(change.kind, change.image_id) for change in told]


@asynccontextmanager
async def listening(shelf: Shelf, principal: Principal, album_id: AlbumId | None = None) -> AsyncIterator[Ear]:
    """An ear that hears all that happens from now on."""
    feed = LibraryFeed(shelf.database, shelf.bus)
    ear = Ear()
    watching = LibraryWatchService(shelf.database, feed).watch(principal, album_id)
    task = asyncio.create_task(ear.listen(watching))
    await eventually(lambda: _joined(feed, task), "the feed is watched")
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _joined(feed: LibraryFeed, task: "asyncio.Task[None]") -> bool:
    if task.done():
        await task
    return feed.is_watched
