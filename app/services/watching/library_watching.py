"""Watch a whole library, or one album of it: everything that happens, as it happens."""

import asyncio
from collections.abc import AsyncIterator

from app.db.albums import find_album
from app.db.engine import Database
from app.domain.access import Principal, Scope, require_account
from app.errors import NotFound
from app.ids import AccountId, AlbumId
from app.services.watching.library_feed import LibraryFeed
from app.services.watching.library_watcher import LibraryChange, LibraryWatcher

RECHECK_S = 30.0
"""How long an album may be silent before it is asked for: one that is deleted says no last word."""


class LibraryWatchService:
    """Push, not poll, for many images at once."""

    def __init__(self, database: Database, feed: LibraryFeed, *, recheck_s: float = RECHECK_S) -> None:
        self._database = database
        self._feed = feed
        self._recheck_s = recheck_s

    async def watch(self, principal: Principal, album_id: AlbumId | None) -> AsyncIterator[LibraryChange]:
        """Every change of the caller's images from now on, without an end. Needs the scope IMAGES_READ.

        With an album: what happens in it, comes into it and leaves it.

        Raises:
            NotFound: there is no such album of the caller's, or it has been deleted meanwhile.
            Unavailable: more happened than could be told.
        """
        owner_id = require_account(principal, Scope.IMAGES_READ)
        # Joined first: what happens after the look at the album is told.
        with self._feed.joined(owner_id, album_id) as watcher:
            if album_id is not None:
                await self._check_album(owner_id, album_id)
            while True:
                yield await self._next(watcher, owner_id, album_id)

    async def _next(self, watcher: LibraryWatcher, owner_id: AccountId, album_id: AlbumId | None) -> LibraryChange:
        while True:
            try:
                async with asyncio.timeout(None if album_id is None else self._recheck_s):
                    return await watcher.next()
            except TimeoutError:
                assert album_id is not None, "a library is watched without a limit"
                await self._check_album(owner_id, album_id)

    async def _check_album(self, owner_id: AccountId, album_id: AlbumId) -> None:
        async with self._database.read() as db:
            album = await find_album(db, album_id)
        if album is None or album.owner_id != owner_id:
            raise NotFound("There is no such album.")
