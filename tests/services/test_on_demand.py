"""What is asked for and not there is made: once, by whoever comes first, and kept."""

import asyncio
import io
import itertools
from contextlib import AbstractAsyncContextManager

import pytest
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.access import ANONYMOUS, Visibility
from app.domain.states import ImageState
from app.domain.transforms import Transform
from app.domain.variants import Derivative, Family, Fit, VariantState
from app.domain.wishes import Wish
from app.errors import InvalidRequest, NotFound, VariantNotReady
from app.ids import ImageId, make_uuid
from app.services.library.image_changes import ImageChange
from app.services.library.presets import PresetChange
from tests.support.on_demand_harness import BOX, Demand, new_address
from tests.support.pictures import make_jpeg

pytestmark = pytest.mark.asyncio(loop_scope="session")

W256 = Wish(Family.WEBP, "w256")


async def test_a_hundred_requests_on_two_processes_make_one_render_and_one_pays(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 201))
    addresses = [new_address() for _ in range(100)]
    processes = [demand.bench.container, demand.other]

    async with demand.working(image_id, BOX):
        asking = [
            demand.ask(image_id, BOX, address=address, of=processes[number % 2])
            for number, address in enumerate(addresses)
        ]
        answers = await asyncio.gather(*asking)

    row = await demand.row(image_id, BOX)
    assert row is not None
    assert {(answer.sha256, answer.key.text) for answer in answers} == {(row.sha256, row.object_key)}
    assert row.tries == 1
    assert await demand.paid(addresses) == 1


async def test_who_hangs_up_takes_nobody_elses_picture_along(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 215))

    for moment in (1, 8, 40, 160):
        wish = Wish(Family.PNG, Transform(width_px=moment))
        async with demand.working(image_id, wish):
            first, other = (asyncio.create_task(demand.ask(image_id, wish)) for _ in range(2))
            for _ in range(moment):
                await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait([first])
            found = await other

        row = await demand.row(image_id, wish)
        assert row is not None
        assert (row.tries, row.object_key) == (1, found.key.text)


async def test_a_preset_made_on_demand_is_one_of_the_images_variants_from_then_on(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 202))
    before = await demand.bench.look(image_id)
    with pytest.raises(VariantNotReady):
        await demand.ask(image_id, W256, wait_s=0)
    waiting = await demand.bench.look(image_id)

    async with demand.working(image_id, W256):
        found = await demand.ask(image_id, W256)

    after = await demand.bench.look(image_id)
    assert found.content_type == "image/webp"
    assert [v.derivative for v in waiting.variants] == [v.derivative for v in before.variants]
    assert (waiting.image.state, waiting.image.revision) == (ImageState.READY, before.image.revision)
    assert [v.derivative for v in after.variants][-1] == W256.derivative
    made = after.variants[-1]
    assert (made.state, made.revision) == (VariantState.READY, after.image.revision)
    assert after.image.state is ImageState.READY
    assert after.image.revision > before.image.revision
    assert found.is_public
    assert (await demand.bench.picture(image_id, "w256", Family.WEBP)).size == (256, 172)


async def test_a_free_transformation_is_made_kept_and_no_part_of_the_image(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 203))
    before = await demand.bench.look(image_id)

    found = await demand.get(image_id, BOX)
    again = await demand.ask(image_id, BOX, wait_s=0)

    after = await demand.bench.look(image_id)
    content = await demand.bench.container.store.read(found.key, max_bytes=10**6)
    assert Image.open(io.BytesIO(content)).size == (20, 14)
    assert again == found
    assert after.variants == before.variants
    assert after.image.state is ImageState.READY
    [row] = await demand.free(image_id)
    assert (row.options, row.wanted_at, row.state) == (BOX.options, None, VariantState.READY)
    assert await demand.bench.objects(image_id) == await demand.bench.named(image_id) | {row.object_key}


async def test_what_is_planned_and_asked_for_is_made_before_the_rest_and_alone(demand: Demand) -> None:
    content = make_jpeg(300, 204)
    wanted, rest = Derivative(Family.PNG, "small"), Derivative(Family.PNG, "medium")
    opened = await demand.bench.open(content, rest, wanted)
    await demand.bench.send(opened, content)
    image_id = opened.snapshot.image.id
    for size in ("small", "medium"):
        columns = {"state": VariantState.PLANNED, "object_key": None}
        await demand.change(image_id, Wish(Family.PNG, size), **columns)

    async with demand.working(image_id, Wish(Family.PNG, "small")):
        await demand.ask(image_id, Wish(Family.PNG, "small"))
    states = {v.size: v.state for v in (await demand.bench.look(image_id)).variants}

    assert states == {"original": VariantState.READY, "small": VariantState.READY, "medium": VariantState.PLANNED}


async def test_a_job_for_all_makes_what_is_wanted_first(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 205), Derivative(Family.PNG, "small"))
    await demand.change(image_id, Wish(Family.PNG, "small"), state=VariantState.PLANNED, object_key=None)
    with pytest.raises(VariantNotReady):
        await demand.ask(image_id, BOX, wait_s=0)

    await demand.bench.work(image_id)

    free, planned = await demand.row(image_id, BOX), await demand.bench.variant(image_id, "small")
    assert free is not None
    assert free.state is planned.state is VariantState.READY
    assert free.updated_at < planned.updated_at


async def test_without_time_to_wait_the_render_is_begun_and_the_answer_says_not_ready(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 206))

    with pytest.raises(VariantNotReady) as caught:
        await demand.ask(image_id, BOX, wait_s=0)
    row = await demand.row(image_id, BOX)

    assert caught.value.retry_after_s == 1
    assert row is not None
    assert row.state is VariantState.PLANNED


async def test_who_waits_does_not_ask_the_rows_without_pause(demand: Demand, monkeypatch: pytest.MonkeyPatch) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 207))
    database, readings = demand.bench.container.database, itertools.count()
    read = database.read

    def counted() -> AbstractAsyncContextManager[AsyncConnection]:
        next(readings)
        return read()

    monkeypatch.setattr(database, "read", counted)

    with pytest.raises(VariantNotReady):
        await demand.ask(image_id, BOX, wait_s=1)

    assert next(readings) < 20


@pytest.mark.parametrize("wish", [Wish(Family.WEBP, "w256"), BOX], ids=["preset", "free"])
async def test_private_absent_and_deleted_images_are_indistinguishable(demand: Demand, wish: Wish) -> None:
    library, trash = demand.bench.container.services.library, demand.bench.container.services.trash
    private, deleted = [await demand.bench.upload(make_jpeg(300, height)) for height in (207, 208)]
    await library.update(demand.bench.owner, private, ImageChange(visibility=Visibility.PRIVATE))
    await trash.delete(demand.bench.owner, [deleted], permanent=False)

    for image_id in (private, deleted, ImageId(make_uuid())):
        with pytest.raises(NotFound, match="There is no such image or variant"):
            await demand.ask(image_id, wish, wait_s=0)
    found = await demand.get(private, wish, who=demand.bench.owner)

    assert not found.is_public
    assert await demand.row(deleted, wish) is None


async def test_nobody_but_the_owner_makes_up_transformations_unless_they_may(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 209))
    await demand.set_flexible(False)
    await demand.get(image_id, BOX, who=demand.bench.owner)

    # Not even what is there already.
    with pytest.raises(NotFound):
        await demand.ask(image_id, BOX, wait_s=0)
    await demand.set_flexible(True)

    assert (await demand.ask(image_id, BOX, wait_s=0)).content_type == "image/png"


async def test_a_size_that_nobody_has_is_not_found_and_costs_nothing(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 210))
    address = new_address()

    with pytest.raises(NotFound):
        await demand.ask(image_id, Wish(Family.WEBP, "hero"), wait_s=0, address=address)

    assert await demand.paid([address]) == 0


async def test_a_preset_that_needs_no_signature_shows_private_images_to_all(demand: Demand) -> None:
    container, owner = demand.bench.container, demand.bench.owner
    image_id = await demand.bench.upload(make_jpeg(300, 211))
    await container.services.library.update(owner, image_id, ImageChange(visibility=Visibility.PRIVATE))
    await container.services.presets.create(
        owner, "teaser", PresetChange(fit=Fit.SCALE_DOWN, width_px=16, never_require_signed_urls=True)
    )

    found = await demand.get(image_id, Wish(Family.PNG, "teaser"), who=ANONYMOUS)

    assert found.is_public


async def test_a_result_that_would_be_too_large_is_refused_before_anything_is_begun(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 212))
    # Twelve thousand pixels a side of a picture of 300.
    huge = Wish(Family.PNG, Transform(width_px=12_000, height_px=12_000, fit=Fit.CONTAIN))

    with pytest.raises(InvalidRequest):
        await demand.ask(image_id, huge, wait_s=0)

    assert await demand.row(image_id, huge) is None


async def test_what_is_asked_for_and_then_planned_is_an_ordinary_variant(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 213))
    with pytest.raises(VariantNotReady):
        await demand.ask(image_id, W256, wait_s=0)

    services = demand.bench.container.services
    snapshot = await services.variants.generate(demand.bench.owner, image_id, [W256.derivative])
    await demand.bench.work(image_id)

    assert [v.derivative for v in snapshot.variants][-1] == W256.derivative
    assert snapshot.image.state is ImageState.PROCESSING
    assert (await demand.bench.variant(image_id, "w256", Family.WEBP)).state is VariantState.READY
    assert (await demand.bench.image(image_id)).state is ImageState.READY


async def test_a_family_is_chosen_by_what_is_there(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(300, 214), Derivative(Family.AVIF, "small"))
    choose = demand.bench.container.on_demand.choose_family

    liked = (Family.AVIF, Family.WEBP)
    chosen = [await choose(image_id, size, liked) for size in ("small", "w256", Transform(width_px=20))]

    assert chosen == [Family.AVIF, Family.WEBP, Family.WEBP]
    assert await choose(image_id, "small", (Family.ORIGINAL,)) is Family.ORIGINAL
