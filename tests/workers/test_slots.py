"""Slots: what a request waits for and what is planned cannot take each other's, however many or long the others are.

A picture's process that is stopped stands for one without an end.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from app.db.engine import utc_now
from app.db.variants import insert_variants, update_variants
from app.domain.variants import Derivative, Family, VariantState
from app.ids import ImageId, make_uuid
from app.services.making.planning import planned_rows
from app.workers.queue_worker import QueueWorker
from tests.support.process_control import hold_children
from tests.support.waiting import eventually
from tests.support.worker_fixture import PLANNED, Upload, Workshop, make_worker

# arq closes its connection in a way that redis-py calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")


async def test_what_is_wanted_is_made_while_planned_work_holds_every_slot_of_its_own(workshop: Workshop) -> None:
    planned = [await _register_slow(workshop) for _ in range(2)]
    wanted = await workshop.register(300)
    for upload in planned:
        await workshop.queue.enqueue(upload.image_id, attempt=0)
    async with _working(workshop):
        (child,) = await hold_children(os.getpid(), 1)
        await _want(workshop, wanted)

        await workshop.until_ready(wanted)

        # The slot that was free for this is not for more of what is planned.
        assert [await _is_untouched(workshop, upload) for upload in planned].count(True) == 1
        os.kill(child, signal.SIGCONT)
        for upload in planned:
            await workshop.until_ready(upload)


async def test_planned_work_goes_on_behind_more_wanted_jobs_than_are_looked_at(workshop: Workshop) -> None:
    slow = await _register_slow(workshop)
    planned, next_wanted = await workshop.register(300), await workshop.register(301)
    await _want(workshop, slow)
    async with _working(workshop) as worker:
        (child,) = await hold_children(os.getpid(), 1)
        for _ in range(worker.queue_read_limit):
            await workshop.queue.enqueue(ImageId(make_uuid()), attempt=0, is_wanted=True)
        await _want(workshop, next_wanted)
        await workshop.queue.enqueue(planned.image_id, attempt=0)

        await workshop.until_ready(planned)

        assert await _is_untouched(workshop, next_wanted)
        os.kill(child, signal.SIGCONT)
        await workshop.until_ready(slow)
        await workshop.until_ready(next_wanted)


@contextlib.asynccontextmanager
async def _working(workshop: Workshop) -> AsyncIterator[QueueWorker]:
    """A worker with one slot of each kind."""
    worker = make_worker(workshop, slots=1)
    running = asyncio.create_task(worker.async_run())
    try:
        yield worker
        # Their last words to Redis, which a cancellation would cut short.
        await eventually(lambda: all(task.done() for task in worker.tasks.values()), "jobs are through")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await worker.close()


async def _register_slow(workshop: Workshop) -> Upload:
    upload = await workshop.register(2100, 1400)
    avif = planned_rows(upload.image_id, [Derivative(Family.AVIF, "w2048")], now=utc_now(), first_position=len(PLANNED))
    async with workshop.database.write() as db:
        await insert_variants(db, avif)
    return upload


async def _want(workshop: Workshop, upload: Upload) -> None:
    """Requests wait for all that is planned of it."""
    async with workshop.database.write() as db:
        await update_variants(db, upload.image_id, {"wanted_at": utc_now()})
    await workshop.queue.enqueue(upload.image_id, attempt=0, is_wanted=True)


async def _is_untouched(workshop: Workshop, upload: Upload) -> bool:
    variants = await workshop.variants(upload.image_id)
    return {(variant.state, variant.attempt) for variant in variants} == {(VariantState.PLANNED, 0)}
