"""Replacements that meet: whoever changes an image and its session holds the image first."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.db.engine import utc_now
from app.db.images import find_image
from app.db.tables import upload_sessions
from app.db.uploads import update_session
from app.domain.states import SessionState
from app.services.uploads.opening import OpenedSession
from tests.support.lock_contention import until_met
from tests.support.on_demand_harness import Demand
from tests.support.pictures import make_jpeg
from tests.support.upload_harness import Workbench

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.both_set_ups]


@pytest.mark.parametrize("ending", ["cancelled", "terminated", "expired"])
async def test_a_session_that_ends_waits_for_whoever_holds_its_image(demand: Demand, ending: str) -> None:
    bench = demand.bench
    database = bench.container.database
    image_id = await bench.upload(make_jpeg(330, 200))
    opened = await bench.container.services.replacements.open(bench.owner, image_id, file_bytes=10)
    if ending == "expired":
        await _let_expire(bench)

    async with database.write() as holder:
        await find_image(holder, image_id, for_update=True)
        task = asyncio.create_task(_end(bench, opened, ending))
        await until_met(database, task)
        values = {"updated_at": utc_now()}
        assert await update_session(holder, opened.session.id, values, only_in=[SessionState.OPEN])
    await task

    assert (await bench.image(image_id)).replacement_id is None


async def _end(bench: Workbench, opened: OpenedSession, ending: str) -> None:
    if ending == "cancelled":
        await bench.container.services.uploads.cancel(bench.owner, opened.session.id)
    elif ending == "terminated":
        await bench.container.resuming.terminate(opened.session.id, opened.token)
    else:
        await bench.container.retention.expire(utc_now())


async def _let_expire(bench: Workbench) -> None:
    async with bench.container.database.write() as db:
        await db.execute(update(upload_sessions).values(expires_at=utc_now() - timedelta(seconds=1)))
