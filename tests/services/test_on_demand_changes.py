"""What was made on demand follows its image: other bytes, another focal point, another preset, the trash."""

import asyncio
import io

import pytest
from PIL import Image

from app.domain.transforms import Transform
from app.domain.variants import Family, Fit, VariantState
from app.domain.wishes import Wish
from app.errors import NotFound, VariantNotReady
from app.ids import ImageId
from app.services.delivery.deliverables import Deliverable
from app.services.library.image_changes import ImageChange
from app.services.library.presets import PresetChange
from tests.support.on_demand_harness import BOX, Demand
from tests.support.pictures import make_jpeg

pytestmark = pytest.mark.asyncio(loop_scope="session")

SQUARE = Wish(Family.PNG, Transform(width_px=16, height_px=16, fit=Fit.COVER))
LEFT = Wish(Family.PNG, Transform(width_px=16, height_px=16, fit=Fit.COVER, focal_x=0.0, focal_y=0.5))
SMALL = Wish(Family.PNG, "small")


async def test_a_replacement_leaves_no_old_bytes_of_what_was_made_on_demand(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(302, 201))
    old = [await demand.get(image_id, wish) for wish in (BOX, SMALL)]

    await replace(demand, image_id, make_jpeg(201, 302))
    forgotten = await demand.row(image_id, BOX)
    replanned = (await demand.bench.variant(image_id, "small")).state
    await demand.bench.work(image_id)
    new = [await demand.get(image_id, BOX), await demand.ask(image_id, SMALL, wait_s=0)]

    assert forgotten is None
    assert replanned is VariantState.PLANNED
    assert [found.key.text.split("/")[1] for found in new] == ["2", "2"]
    assert {found.sha256 for found in old}.isdisjoint(found.sha256 for found in new)
    assert await size_of(demand, new[0]) == (20, 30)
    free = {row.object_key for row in await demand.free(image_id)}
    assert await demand.bench.objects(image_id) == await demand.bench.named(image_id) | free


async def test_who_waits_over_a_replacement_gets_the_new_bytes(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(302, 203))
    asking = asyncio.create_task(demand.ask(image_id, BOX))
    async with demand.working(image_id, BOX):
        pass  # somebody has it begun, and it is made
    first = await asking
    await demand.change(image_id, BOX, state=VariantState.PLANNED, object_key=None)
    asking = asyncio.create_task(demand.ask(image_id, BOX))
    row = await demand.row(image_id, BOX)
    assert row is not None

    await replace(demand, image_id, make_jpeg(203, 302))
    async with demand.working(image_id, BOX):
        found = await asking

    assert found.sha256 != first.sha256
    assert found.key.text.split("/")[1] == "2"


async def test_a_new_focal_point_makes_only_what_depends_on_it_anew(demand: Demand) -> None:
    stripes = Image.new("RGB", (300, 100), (200, 0, 0))
    stripes.paste((0, 0, 200), (200, 0, 300, 100))
    buffer = io.BytesIO()
    stripes.save(buffer, "PNG")
    image_id = await demand.bench.upload(buffer.getvalue())
    before = {wish: await demand.get(image_id, wish) for wish in (BOX, SQUARE, LEFT)}
    middle = await colour_of(demand, before[SQUARE])

    library = demand.bench.container.services.library
    await library.update(demand.bench.owner, image_id, ImageChange(focal_point=(1.0, 0.5)))
    stale = {row.options for row in await demand.free(image_id) if row.is_stale}
    serving = await demand.ask(image_id, SQUARE, wait_s=0)
    await demand.bench.work(image_id)
    after = {wish: await demand.ask(image_id, wish, wait_s=0) for wish in (BOX, SQUARE, LEFT)}

    assert stale == {SQUARE.options}
    assert serving == before[SQUARE]
    assert after[BOX] == before[BOX]
    assert after[LEFT] == before[LEFT]
    assert middle == (200, 0, 0)
    assert await colour_of(demand, after[SQUARE]) == (0, 0, 200)


async def test_a_changed_preset_makes_what_was_made_on_demand_anew(demand: Demand) -> None:
    presets, owner = demand.bench.container.services.presets, demand.bench.owner
    await presets.create(owner, "hero", PresetChange(fit=Fit.SCALE_DOWN, width_px=30))
    hero = Wish(Family.PNG, "hero")
    image_id = await demand.bench.upload(make_jpeg(302, 202))
    before = await demand.get(image_id, hero)

    await presets.update(owner, "hero", PresetChange(width_px=60))
    serving = await demand.ask(image_id, hero, wait_s=0)
    await demand.bench.work(image_id)
    after = await demand.ask(image_id, hero, wait_s=0)

    assert serving == before
    assert await size_of(demand, after) == (60, 40)
    assert before.key.text not in await demand.bench.objects(image_id)


async def test_a_deleted_preset_takes_what_waits_for_it_along(demand: Demand) -> None:
    presets, owner = demand.bench.container.services.presets, demand.bench.owner
    await presets.create(owner, "hero", PresetChange(fit=Fit.SCALE_DOWN, width_px=30))
    hero = Wish(Family.PNG, "hero")
    image_id = await demand.bench.upload(make_jpeg(302, 204))
    with pytest.raises(VariantNotReady):
        await demand.ask(image_id, hero, wait_s=0)

    await presets.delete(owner, "hero")

    assert await demand.row(image_id, hero) is None
    with pytest.raises(NotFound):
        await demand.ask(image_id, hero, wait_s=0)


async def test_the_trash_keeps_and_a_purge_removes_what_was_made_on_demand(demand: Demand) -> None:
    trash, owner = demand.bench.container.services.trash, demand.bench.owner
    image_id = await demand.bench.upload(make_jpeg(302, 205))
    before = await demand.get(image_id, BOX)

    await trash.delete(owner, [image_id], permanent=False)
    with pytest.raises(NotFound):
        await demand.ask(image_id, BOX, wait_s=0)
    await trash.restore(owner, [image_id])
    restored = await demand.ask(image_id, BOX, wait_s=0)
    await trash.delete(owner, [image_id], permanent=True)

    assert restored == before
    assert await demand.bench.objects(image_id) == set()
    assert await demand.row(image_id, BOX) is None


async def test_the_sweep_finds_nothing_to_tidy_among_what_was_made_on_demand(demand: Demand) -> None:
    image_id = await demand.bench.upload(make_jpeg(302, 206))
    found = await demand.get(image_id, BOX)

    await demand.bench.container.retention.sweep()

    assert await demand.bench.container.store.stat(found.key) is not None
    assert (await demand.ask(image_id, BOX, wait_s=0)) == found


async def replace(demand: Demand, image_id: ImageId, content: bytes) -> None:
    """Other bytes in the image's place; nothing is made of them yet."""
    services = demand.bench.container.services
    opened = await services.replacements.open(demand.bench.owner, image_id, file_bytes=len(content))
    receiving = asyncio.create_task(demand.bench.send(opened, content, works=False))
    while not receiving.done():
        await demand.bench.tools.judge.judge(image_id)
        await asyncio.sleep(0)
    await receiving


async def size_of(demand: Demand, found: Deliverable) -> tuple[int, int]:
    """Width and height of what is sent."""
    return Image.open(io.BytesIO(await demand.bench.container.store.read(found.key, max_bytes=10**6))).size


async def colour_of(demand: Demand, found: Deliverable) -> tuple[int, ...]:
    """What is in the middle of what is sent."""
    picture = Image.open(io.BytesIO(await demand.bench.container.store.read(found.key, max_bytes=10**6)))
    pixel = picture.convert("RGB").getpixel((8, 8))
    assert isinstance(pixel, tuple)
    return pixel
