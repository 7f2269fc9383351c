"""arq's worker with our job: bursts are done, malformed jobs pass by, and SIGTERM's cancellation ends it in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.domain.headers.facts import Budget
from app.domain.plans import make_plans
from app.domain.variants import VariantState
from app.events.bus import EventBus
from app.fetching.fetcher import Fetcher
from app.ids import ImageId
from app.jobs import RENDER_JOB, open_queue
from app.rate_limit import RateLimiter
from app.services.accounts.accounts import AccountService
from app.services.delivery.views import ViewKeeper
from app.services.uploads.importing import Importer
from app.services.uploads.reception import ReceptionLimits, ReceptionService
from app.services.uploads.registration import Registrar
from app.services.uploads.scratch import clear_scratch
from app.services.uploads.sessions import UploadService
from app.services.uploads.uploaders import Uploaders
from app.services.watching.feeds import Feeds
from app.workers.main import WorkerParts, work_until_stopped
from app.workers.queue_worker import QueueWorker
from tests.support.worker_fixture import Workshop, make_worker

# arq closes its connection in a way that redis-py calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")


@pytest_asyncio.fixture
async def burst(workshop: Workshop) -> AsyncIterator[QueueWorker]:
    """A worker that ends when the queue is empty."""
    worker = make_worker(workshop, slots=2, burst=True)
    yield worker
    await worker.close()


async def test_a_burst_renders_what_was_asked_for_once(workshop: Workshop, burst: QueueWorker) -> None:
    uploads = [await workshop.register(300 + index) for index in range(3)]
    for upload in uploads:
        for _ in range(2):
            await workshop.queue.enqueue(upload.image_id, attempt=0)

    await burst.async_run()

    assert burst.jobs_complete == len(uploads)
    for upload in uploads:
        variants = await workshop.variants(upload.image_id)
        assert {(variant.state, variant.attempt) for variant in variants} == {(VariantState.READY, 1)}


async def test_jobs_that_mean_nothing_harm_no_other(workshop: Workshop, burst: QueueWorker) -> None:
    upload = await workshop.register(200)
    queue = open_queue(workshop.redis_url)
    await queue.enqueue_job(RENDER_JOB, "no uuid", _job_id="malformed")
    await workshop.queue.enqueue(ImageId(upload.session_id), attempt=0)
    await workshop.queue.enqueue(upload.image_id, attempt=0)

    await burst.async_run()
    await queue.aclose(close_connection_pool=True)

    assert burst.jobs_failed == 0
    assert {variant.state for variant in await workshop.variants(upload.image_id)} == {VariantState.READY}


async def test_a_flushed_queue_is_filled_again_by_the_sweep_beside_the_jobs(workshop: Workshop) -> None:
    uploads = [await workshop.register(400 + index) for index in range(2)]
    parts = WorkerParts(
        workshop.tools,
        workshop.retention,
        ViewKeeper(workshop.database, workshop.redis),
        _make_importer(workshop),
        workshop.redis,
        workshop.redis_url,
        slots=2,
        clear_scratch=lambda: clear_scratch(workshop.tools.scratch_dir),
    )

    # No job was queued for them: only the rows know.
    working = asyncio.create_task(work_until_stopped(parts))
    await asyncio.gather(*(workshop.until_ready(upload) for upload in uploads))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert workshop.scratch_files() == []


def _make_importer(workshop: Workshop) -> Importer:
    database, bus, scratch_dir = workshop.database, EventBus(workshop.redis), workshop.tools.scratch_dir
    accounts = AccountService(database, make_plans(max_upload_bytes=10**8))
    uploaders = Uploaders(accounts, RateLimiter(workshop.redis))
    uploads = UploadService(database, workshop.store, accounts, uploaders, bus, workshop.queue)
    registrar = Registrar(database, bus, workshop.queue)
    limits = ReceptionLimits(scratch_dir, Budget())
    feeds = Feeds(database, bus)
    reception = ReceptionService(database, workshop.store, uploads, registrar, feeds, bus, limits)
    return Importer(database, bus, reception, Fetcher(), scratch_dir=scratch_dir)
