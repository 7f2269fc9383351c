"""Both sides of imports, as one object."""

import contextlib
from pathlib import Path

from app.container import Container
from app.db.records import ImageRecord, SessionRecord
from app.domain.access import Principal
from app.errors import SafelightError
from app.fetching.addresses import is_public
from app.fetching.fetcher import Fetcher, FetchRules
from app.fetching.urls import UrlRules
from app.jobs import RenderQueue
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.importing import Importer, ImportService
from tests.support.fetch_hosts import HOST
from tests.support.pictures import make_jpeg
from tests.support.waiting import LIMIT_S

NOTHING_SAID = SessionRequest(file_bytes=None)
PICTURE = make_jpeg(91, 60)


class Imports:
    """Both sides of imports, with rules that let them go to `HOST` besides the internet."""

    def __init__(
        self, container: Container, queue: RenderQueue, owner: Principal, *ports: int, fetch_s: float = LIMIT_S
    ) -> None:
        rules = FetchRules(lambda address: address == HOST or is_public(address), UrlRules(frozenset(ports)))
        fetcher = Fetcher(rules)
        self.container = container
        self.queue = queue
        self.owner = owner
        database, uploads = container.database, container.services.uploads
        self.service = ImportService(database, uploads, fetcher, queue)
        self.importer = Importer(
            *(database, container.bus, container.reception, fetcher),
            scratch_dir=container.scratch_dir,
            fetch_s=fetch_s,
        )

    async def open(self, url: str, request: SessionRequest = NOTHING_SAID) -> SessionRecord:
        return (await self.service.open(self.owner, url, request)).session

    async def run(self, url: str, request: SessionRequest = NOTHING_SAID) -> tuple[SessionRecord, ImageRecord]:
        session = await self.open(url, request)
        with contextlib.suppress(SafelightError):
            await self.importer.run(session)
        return await self.look(session)

    async def look(self, session: SessionRecord) -> tuple[SessionRecord, ImageRecord]:
        found, snapshot = await self.container.services.uploads.get_own(session.id)
        return found, snapshot.image

    def leftovers(self) -> list[Path]:
        return [path for path in self.container.scratch_dir.rglob("*") if path.is_file()]
