"""Uploads by URL for clients that wait, as Cloudflare's do: the answer is the image, or why there is none."""

import asyncio

import pytest

from app.db.records import SessionRecord
from app.db.snapshots import ImageSnapshot
from app.errors import FetchFailed, InvalidFileType, SafelightError, UploadIncomplete
from app.services.uploads import fetched_uploads
from app.services.uploads.drafts import SessionRequest
from app.services.uploads.fetched_uploads import FetchedUploadService
from app.services.uploads.registration import Registrar
from app.services.watching.feeds import Feeds
from tests.support.fetch_hosts import Host, reply
from tests.support.url_import_harness import PICTURE, Imports
from tests.support.waiting import eventually, in_time

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUEST = SessionRequest(file_bytes=None, custom_id="from/afar", is_kept_apart=True)


@pytest.fixture
def fetched(imports: Imports) -> FetchedUploadService:
    container = imports.container
    feeds = Feeds(container.database, container.bus)
    return FetchedUploadService(imports.service, container.services.uploads, feeds)


async def begin(
    fetched: FetchedUploadService, imports: Imports, url: str
) -> tuple[asyncio.Task[ImageSnapshot], SessionRecord]:
    """A client's task that waits, and what a worker finds to do for it."""
    waiting = asyncio.create_task(fetched.receive(imports.owner, url, REQUEST))

    async def is_open() -> bool:
        return bool(await imports.importer.list_waiting(limit=1))

    await eventually(is_open, "the import waits for a worker")
    (session,) = await imports.importer.list_waiting(limit=1)
    return waiting, session


async def test_the_answer_is_the_image_once_its_picture_was_decoded(
    fetched: FetchedUploadService, imports: Imports, host: Host
) -> None:
    # CI-04, CI-15
    url = host.will("/beach.jpg", reply(200, PICTURE))
    waiting, session = await begin(fetched, imports, url)
    await imports.importer.run(session)
    is_early = waiting.done()

    container = imports.container
    await Registrar(container.database, container.bus, imports.queue).complete(session.image_id)

    image = (await in_time(waiting)).image
    assert not is_early
    assert (image.id, image.custom_id, image.filename) == (session.image_id, "from/afar", "beach.jpg")
    assert not image.is_draft


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(404, b"", FetchFailed), (200, b"no picture", InvalidFileType)],
    ids=["not found", "text"],
)
async def test_the_answer_is_why_there_is_no_image(
    fetched: FetchedUploadService, imports: Imports, host: Host, status: int, body: bytes, error: type[SafelightError]
) -> None:
    # CI-15
    waiting, session = await begin(fetched, imports, host.will("/x", reply(status, body)))

    with pytest.raises(error):
        await imports.importer.run(session)

    with pytest.raises(error):
        await waiting
    # Its name is free again.
    again, _ = await begin(fetched, imports, host.url("/x"))
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_who_waits_too_long_is_told_and_nothing_is_left_to_do(
    fetched: FetchedUploadService, imports: Imports, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    # CI-15, CI-60: there is no worker here
    monkeypatch.setattr(fetched_uploads, "WAIT_S", 0.2)

    with pytest.raises(UploadIncomplete):
        await fetched.receive(imports.owner, host.url("/x"), REQUEST)

    assert await imports.importer.list_waiting(limit=1) == []
