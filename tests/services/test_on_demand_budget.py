"""What an attacker may make this house do: so many renders a minute, so many files an image, one try after a pause."""

import asyncio
from datetime import timedelta

import pytest

from app.db.variants import insert_variants
from app.domain.transforms import Transform
from app.domain.variants import ATTEMPT_STRIDE, Family, VariantState
from app.domain.wishes import Wish
from app.errors import Lack, RateLimited, RenderFailed, SafelightError, Unavailable, VariantNotReady
from app.ids import ImageId
from app.services.delivery.misses import MAX_FREE_VARIANTS
from app.services.making.claim import Part
from app.services.making.outcomes import MAX_FAILURES
from app.services.making.planning import planned_rows
from app.storage.port import ObjectKey
from tests.support.on_demand_harness import BOX, Demand, new_address
from tests.support.pictures import make_jpeg

pytestmark = pytest.mark.asyncio(loop_scope="session")

PER_MINUTE = 5


def wish_of(width_px: int) -> Wish:
    """A free transformation like no other."""
    return Wish(Family.PNG, Transform(width_px=width_px))


async def begin(demand: Demand, image_id: ImageId, wish: Wish, address: str | None = None) -> None:
    """Ask without waiting; what an address has spent stays spent."""
    with pytest.raises(VariantNotReady):
        await demand.ask(image_id, wish, wait_s=0, address=address)
    if address is not None:
        await demand.stop_refill(address)


async def test_an_address_may_start_so_many_renders_a_minute(demand: Demand) -> None:
    # PF-55
    image_id = await demand.bench.upload(make_jpeg(301, 201))
    address = new_address()
    for width_px in range(1, PER_MINUTE + 1):
        await begin(demand, image_id, wish_of(width_px), address)

    with pytest.raises(RateLimited) as caught:
        await demand.ask(image_id, wish_of(100), wait_s=0, address=address)

    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 60 / PER_MINUTE
    assert await demand.row(image_id, wish_of(100)) is None
    # What somebody else pays for, and what is there, is free.
    await begin(demand, image_id, wish_of(100))
    await begin(demand, image_id, wish_of(100), address)
    await demand.bench.work(image_id)
    assert (await demand.ask(image_id, wish_of(100), wait_s=0, address=address)).content_type == "image/png"


async def test_an_address_that_is_used_up_does_not_spoil_what_others_ask_for(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 202))
    poor, rich = new_address(), new_address()
    for width_px in range(1, PER_MINUTE + 1):
        await begin(demand, image_id, wish_of(width_px), poor)

    asking = [demand.ask(image_id, wish_of(100), wait_s=0, address=who) for who in (poor, poor, rich, poor)]
    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(answers[2], VariantNotReady)
    assert all(isinstance(answer, RateLimited | VariantNotReady) for answer in answers)
    assert await demand.row(image_id, wish_of(100)) is not None


async def test_ipv6_neighbours_share_one_budget(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 203))
    for number in range(1, PER_MINUTE + 1):
        await begin(demand, image_id, wish_of(number), f"2001:db8:1:2::{number:x}")

    with pytest.raises(RateLimited):
        await demand.ask(image_id, wish_of(100), wait_s=0, address="2001:db8:1:2:ffff::1")


async def test_an_image_keeps_so_many_free_transformations_and_the_oldest_go(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 204))
    first = await demand.get(image_id, wish_of(1))
    await fill(demand, image_id, MAX_FREE_VARIANTS - 1)

    await begin(demand, image_id, wish_of(2))
    await demand.bench.work(image_id)
    after = await demand.free(image_id)
    again = await demand.get(image_id, wish_of(1))

    assert len(after) == MAX_FREE_VARIANTS
    assert wish_of(1).options not in {row.options for row in after}
    assert first.key.text not in await demand.bench.objects(image_id)
    # A deletion that comes late takes nothing of what has the same name.
    assert again.key != first.key
    assert again.sha256 == first.sha256
    assert await demand.bench.container.store.stat(again.key) is not None


async def test_what_is_being_made_is_never_dropped_for_more(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 205))
    await fill(demand, image_id, MAX_FREE_VARIANTS, state=VariantState.PLANNED)
    address = new_address()

    with pytest.raises(Unavailable):
        await demand.ask(image_id, wish_of(1), wait_s=0, address=address)

    assert len(await demand.free(image_id)) == MAX_FREE_VARIANTS
    assert await demand.paid([address]) == 0


async def test_what_failed_is_tried_once_more_after_a_pause_that_grows(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 206))
    await begin(demand, image_id, BOX)
    await fail(demand, image_id, times=MAX_FAILURES)
    failed = await demand.row(image_id, BOX)

    told = await refusal_of(demand, image_id)
    refused = await demand.row(image_id, BOX)
    await demand.let_pause_pass(image_id, BOX)
    await begin(demand, image_id, BOX)
    await fail(demand, image_id, times=1)
    second = await demand.row(image_id, BOX)
    await demand.let_pause_pass(image_id, BOX)
    still = await refusal_of(demand, image_id)
    await demand.let_pause_pass(image_id, BOX)
    found = await demand.get(image_id, BOX)

    assert failed is not None
    assert failed == refused
    assert (failed.state, failed.failures, failed.tries) == (VariantState.FAILED, MAX_FAILURES, MAX_FAILURES)
    assert 0 < (told.retry_after_s or 0) <= 60
    assert second is not None
    assert (second.state, second.failures) == (VariantState.FAILED, MAX_FAILURES + 1)
    # Twice as long as before: after one pause it is not tried yet.
    assert 0 < (still.retry_after_s or 0) <= 60
    assert found.content_type == "image/png"


async def test_what_takes_its_workers_with_it_ends_and_is_tried_once_more_at_most(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 207))
    claims = demand.bench.container.claims
    await begin(demand, image_id, BOX)
    row = await demand.row(image_id, BOX)
    assert row is not None
    while row.state is not VariantState.FAILED:
        claim = await claims.claim(image_id, Part.WANTED)
        assert claim is not None
        await claims.put_off(claim, claim.variants, lack=Lack.MEMORY)
        await demand.change(image_id, BOX, not_before=None)
        row = await demand.row(image_id, BOX)
        assert row is not None

    told = await refusal_of(demand, image_id)
    await demand.let_pause_pass(image_id, BOX, pause=timedelta(hours=1))
    await begin(demand, image_id, BOX)
    claim = await claims.claim(image_id, Part.WANTED)
    assert claim is not None
    await claims.put_off(claim, claim.variants, lack=Lack.MEMORY)

    assert (told.retry_after_s or 0) > 60
    again = await demand.row(image_id, BOX)
    assert again is not None
    assert again.state is VariantState.FAILED


async def test_the_owners_own_retry_leaves_what_strangers_asked_for(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(301, 208))
    await begin(demand, image_id, BOX)
    await fail(demand, image_id, times=MAX_FAILURES)

    await demand.bench.container.services.variants.retry(demand.bench.owner, image_id)

    row = await demand.row(image_id, BOX)
    assert row is not None
    assert row.state is VariantState.FAILED


async def fail(demand: Demand, image_id: ImageId, *, times: int) -> None:
    """Let so many tries end in an error."""
    claims = demand.bench.container.claims
    for _ in range(times):
        claim = await claims.claim(image_id, Part.WANTED)
        assert claim is not None
        await claims.give_up_try(claim, claim.variants, RenderFailed("no"))
        await demand.change(image_id, BOX, not_before=None)


async def refusal_of(demand: Demand, image_id: ImageId) -> SafelightError:
    """What is said of what failed."""
    with pytest.raises(RenderFailed) as caught:
        await demand.ask(image_id, BOX, wait_s=0)
    return caught.value


async def fill(demand: Demand, image_id: ImageId, number: int, *, state: VariantState = VariantState.READY) -> None:
    """Rows of free transformations, as if they had been made later than all that is there."""
    wishes = [wish_of(1000 + index) for index in range(number)]
    image = await demand.bench.image(image_id)
    rows = planned_rows(image_id, [wish.derivative for wish in wishes], now=image.updated_at + timedelta(seconds=9))
    more = [
        {"options": wish.options, "is_on_demand": True, "state": state, "attempt": ATTEMPT_STRIDE, "wanted_at": None}
        | {"object_key": ObjectKey.variant(image_id, 1, ATTEMPT_STRIDE, wish.family, wish.derivative.size, "png").text}
        for wish in wishes
    ]
    async with demand.bench.container.database.write() as db:
        await insert_variants(db, [{**row, **extra} for row, extra in zip(rows, more, strict=True)])
