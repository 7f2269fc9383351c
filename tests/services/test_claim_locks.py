"""Claims and their renewals touch several variants at once: like all who do, they hold the image first."""

import asyncio

import pytest
from sqlalchemy import update

from app.db.images import find_image
from app.db.tables import variants
from app.domain.variants import Derivative, Family
from app.ids import ImageId
from app.services.making.claim import Claim
from tests.support.lock_contention import until_met
from tests.support.on_demand_harness import Demand
from tests.support.pictures import make_jpeg
from tests.support.upload_harness import Workbench

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.both_set_ups]

LATER = [Derivative(Family.PNG, "small"), Derivative(Family.PNG, "thumb")]


@pytest.mark.parametrize("what", ["claim", "renew"])
async def test_it_waits_for_whoever_holds_the_image(demand: Demand, what: str) -> None:
    bench = demand.bench
    claims, database = bench.container.claims, bench.container.database
    image_id = await bench.upload(make_jpeg(330, 200))
    await bench.container.services.variants.generate(bench.owner, image_id, LATER)
    claim = await claims.claim(image_id) if what == "renew" else None

    async with database.write() as holder:
        await find_image(holder, image_id, for_update=True)
        task = asyncio.create_task(_claim_or_renew(bench, claim, image_id))
        await until_met(database, task)
        assert not task.done()
        # The last first: in whatever order the other takes them, it is not this one for all.
        for derivative in reversed(LATER):
            await holder.execute(update(variants).where(variants.c.size == derivative.size).values(losses=1))
    claimed = await task

    assert {variant.derivative for variant in claimed.variants} == set(LATER)
    assert await claims.claim(image_id) is None


async def _claim_or_renew(bench: Workbench, claim: Claim | None, image_id: ImageId) -> Claim:
    if claim is not None:
        await bench.container.claims.renew(claim.variants)
        return claim
    claimed = await bench.container.claims.claim(image_id)
    assert claimed is not None
    return claimed
