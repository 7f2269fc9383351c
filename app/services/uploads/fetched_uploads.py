"""Uploads by URL for clients that wait: a worker fetches the file, and the answer is the image."""

import asyncio
import contextlib

from app.db.records import SessionRecord
from app.db.snapshots import ImageSnapshot
from app.domain.access import Principal
from app.domain.states import OPEN_STATES
from app.errors import SafelightError, UploadIncomplete
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.importing import ImportService
from app.services.uploads.sessions import UploadService
from app.services.watching.feeds import Feeds
from app.services.watching.image_watching import closing_error

WAIT_S = 30.0
"""A worker gives a fetch 10 s, and needs a moment for the verdict; beyond that it is busy with others'."""
_LOOK_AGAIN_S = 2.0


class FetchedUploadService:
    """Orders an import and waits for its end."""

    def __init__(self, imports: ImportService, uploads: UploadService, feeds: Feeds) -> None:
        self._imports = imports
        self._uploads = uploads
        self._feeds = feeds

    async def receive(self, principal: Principal, url: str, request: SessionRequest) -> ImageSnapshot:
        """The image that a URL's file became. Needs the scope IMAGES_WRITE.

        Raises:
            UploadIncomplete: that took longer than `WAIT_S`, and is not awaited any more.
            What ordering an import raises, and what its file is refused with.
        """
        opened = await self._imports.open(principal, url, request)
        try:
            await self._wait(opened.session)
        except BaseException:
            await asyncio.shield(self._give_up(opened.session))
            raise
        session, snapshot = await self._uploads.get_own(opened.session.id)
        error = closing_error(session)
        if error is not None:
            raise error
        return snapshot

    async def _wait(self, session: SessionRecord) -> None:
        async with self._feeds.watching(session.image_id) as (feed, watcher):
            try:
                async with asyncio.timeout(WAIT_S):
                    snapshot = await feed.read_now()
                    while snapshot is not None and _is_under_way(snapshot):
                        has_news = await watcher.wait(_LOOK_AGAIN_S)
                        # Without news the rows are asked: a hint can be lost. That reading is news itself.
                        snapshot = feed.latest if has_news else await feed.read_now()
            except TimeoutError as error:
                raise UploadIncomplete(f"The URL's file did not come within {WAIT_S:g} seconds.") from error

    async def _give_up(self, session: SessionRecord) -> None:
        with contextlib.suppress(SafelightError):
            await self._uploads.give_up(session)


def _is_under_way(snapshot: ImageSnapshot) -> bool:
    return snapshot.session is not None and snapshot.session.state in OPEN_STATES
