"""Import by URL: a session whose bytes a worker fetches; from then on they go the way of an upload."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.db.engine import Database, utc_now
from app.db.records import SessionRecord
from app.db.uploads import count_imports, list_imports
from app.domain.access import Principal, Scope, require_account
from app.errors import FetchFailed, RateLimited
from app.events.bus import EventBus
from app.fetching.fetcher import Fetcher, FetchPassed
from app.jobs import RenderQueue
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.leases import SessionLease, take_lease
from app.services.uploads.opening import OpenedSession
from app.services.uploads.reception import ReceptionService
from app.services.uploads.sessions import UploadService
from app.services.uploads.spool import SpooledFile, spooling
from app.telemetry import UPLOAD_BYTES

MAX_IMPORTS = 100
"""Of one account, that are not over."""
FETCH_S = 10.0
"""For everything: names, connections, redirects, tries and all bytes."""
_PAUSES_S = (0.5, 2.0)
"""Before the second and the third try."""


class ImportService:
    """Takes orders."""

    def __init__(self, database: Database, uploads: UploadService, fetcher: Fetcher, queue: RenderQueue) -> None:
        self._database = database
        self._uploads = uploads
        self._fetcher = fetcher
        self._queue = queue

    async def open(self, principal: Principal, url: str, request: SessionRequest) -> OpenedSession:
        """Open a session whose bytes a worker will fetch. Nothing is connected to here. Needs the scope IMAGES_WRITE.

        Raises:
            UrlNotAllowed: the URL can be told to lead nowhere public by its looks.
            RateLimited: the account has `MAX_IMPORTS` under way.
            What opening a session raises.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        self._fetcher.check(url)
        async with self._database.read() as db:
            under_way = await count_imports(db, owner_id)
        if under_way >= MAX_IMPORTS:
            message = f"At most {MAX_IMPORTS} imports can be under way."
            raise RateLimited(message, retry_after_s=round(FETCH_S))
        wanted = replace(request, source_url=url, file_bytes=None)
        (opened,) = await self._uploads.open_sessions(principal, [wanted])
        await self._queue.wake_importers()
        return opened


class Importer:
    """Carries them out, in a worker."""

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        reception: ReceptionService,
        fetcher: Fetcher,
        *,
        scratch_dir: Path,
        fetch_s: float = FETCH_S,
    ) -> None:
        self._database = database
        self._bus = bus
        self._reception = reception
        self._fetcher = fetcher
        self._scratch_dir = scratch_dir
        self._fetch_s = fetch_s

    async def list_waiting(self, *, limit: int) -> Sequence[SessionRecord]:
        """Imports that nobody is at, the oldest first."""
        async with self._database.read() as db:
            return await list_imports(db, now=utc_now(), limit=limit)

    async def run(self, session: SessionRecord) -> None:
        """Fetch one file, unless another worker does. Safe to run twice, and to be killed anywhere.

        Raises:
            UploadAlreadyUsed, UploadExpired: there is nothing to do.
            UrlNotAllowed, FetchFailed, and whatever an upload's bytes are refused with: the session is FAILED.
            SafelightError: a part of the house is away, and the session OPEN for another try.
        """
        lease = await take_lease(self._database, self._bus, session)
        with contextlib.ExitStack() as files:
            # The verdict comes from a worker in any case: nobody waits for it here.
            await self._reception.receive_held(lease, lambda: self._bring(lease, files), awaits_verdict=False)

    async def _bring(self, lease: SessionLease, files: contextlib.ExitStack) -> tuple[SpooledFile, str | None]:
        try:
            async with lease.kept(), asyncio.timeout(self._fetch_s):
                for pause_s in _PAUSES_S:
                    with contextlib.suppress(FetchPassed):
                        return await self._fetch(lease, files)
                    await asyncio.sleep(pause_s)
                return await self._fetch(lease, files)
        except TimeoutError as error:
            raise FetchFailed(f"The URL's file did not come within {self._fetch_s:g} seconds.") from error

    async def _fetch(self, lease: SessionLease, files: contextlib.ExitStack) -> tuple[SpooledFile, str | None]:
        session = lease.session
        assert session.source_url is not None, "only imports are listed"
        with contextlib.ExitStack() as trial:
            spool = trial.enter_context(spooling(self._scratch_dir, max_bytes=session.max_bytes))
            async with self._fetcher.open(session.source_url, max_bytes=session.max_bytes) as source:
                async for chunk in source.chunks:
                    await spool.add(chunk)
                    UPLOAD_BYTES.inc(len(chunk))
                    await lease.note_progress(spool.received_bytes)
            file = await spool.finish()
            files.push(trial.pop_all())
        return file, source.filename
