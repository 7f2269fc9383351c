"""A changed preset, a new focal point: what it concerns is made anew, and serves as it is until then."""

import io

import pytest
from PIL import Image

from app.db.variants import update_variants
from app.domain.states import ImageState
from app.domain.variants import Derivative, Family, Fit, VariantState
from app.errors import (
    Lack,
    RenderFailed,
)
from app.ids import ImageId
from app.services.library.image_changes import ImageChange
from app.services.library.presets import PresetChange
from app.services.making.outcomes import MAX_FAILURES, MAX_LONE_STARVATIONS
from tests.support.pictures import make_jpeg
from tests.support.upload_harness import Workbench

pytestmark = pytest.mark.asyncio(loop_scope="session")

THUMB, SMALL = Derivative(Family.PNG, "thumb"), Derivative(Family.PNG, "small")
HERO = Derivative(Family.PNG, "hero")
BOX = PresetChange(fit=Fit.SCALE_DOWN, width_px=30)


async def test_a_changed_preset_serves_its_old_bytes_until_the_new_are_swapped_in(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", BOX)
    image_id = await bench.upload(make_jpeg(100, 60), HERO)
    before, image_before = await bench.variant(image_id, "hero"), await bench.image(image_id)

    await presets.update(bench.owner, "hero", PresetChange(width_px=40))
    waiting, image_waiting = await bench.variant(image_id, "hero"), await bench.image(image_id)
    old_picture = await bench.picture(image_id, "hero")
    await bench.work(image_id)
    after, image_after = await bench.variant(image_id, "hero"), await bench.image(image_id)

    assert (waiting.state, waiting.is_stale, waiting.object_key) == (VariantState.READY, True, before.object_key)
    assert waiting.updated_at == before.updated_at
    assert image_waiting.revision == image_before.revision
    assert image_waiting.state is ImageState.READY
    assert old_picture.size == (30, 18)
    assert (after.state, after.is_stale, after.lease_until) == (VariantState.READY, False, None)
    assert (await bench.picture(image_id, "hero")).size == (40, 24)
    assert after.revision == image_after.revision == image_before.revision + 1
    assert await bench.objects(image_id) == await bench.named(image_id)


async def test_a_change_that_changes_no_pixel_makes_nothing_anew(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", BOX)
    image_id = await bench.upload(make_jpeg(100, 60), HERO)

    await presets.update(bench.owner, "hero", PresetChange(width_px=30, never_require_signed_urls=True, quality=85))

    assert not (await bench.variant(image_id, "hero")).is_stale


async def test_a_new_time_in_browsers_changes_nothing_of_an_image_and_is_hinted_at(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", BOX)
    image_id, other_id = await bench.upload(make_jpeg(100, 60), HERO), await bench.upload(make_jpeg(102, 60))
    before = await bench.look(image_id)
    heard: list[ImageId] = []
    listening = bench.container.bus.listening

    with (
        listening(image_id, lambda hint: heard.append(hint.image_id)),
        listening(other_id, lambda hint: heard.append(hint.image_id)),
    ):
        await presets.update(bench.owner, "hero", PresetChange(browser_ttl_s=60))
        await presets.update(bench.owner, "hero", PresetChange(browser_ttl_s=60, never_require_signed_urls=False))

    assert heard == [image_id]
    assert await bench.look(image_id) == before


async def test_a_change_while_a_stale_variant_is_made_fences_its_maker_off(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", BOX)
    image_id = await bench.upload(make_jpeg(100, 60), HERO)
    await presets.update(bench.owner, "hero", PresetChange(width_px=40))
    slow = await bench.container.claims.claim(image_id)
    assert slow is not None
    assert slow.presets["hero"].width_px == 40
    assert await bench.container.claims.claim(image_id) is None

    await presets.update(bench.owner, "hero", PresetChange(width_px=50))
    await bench.work(image_id)
    await bench.container.claims.give_up_try(slow, slow.variants, RenderFailed("late"))

    after = await bench.variant(image_id, "hero")
    assert (after.width_px, after.is_stale, after.failures) == (50, False, 0)


async def test_making_anew_that_fails_again_and_again_leaves_the_old_bytes(bench: Workbench) -> None:
    presets, claims = bench.container.services.presets, bench.container.claims
    await presets.create(bench.owner, "hero", BOX)
    image_id = await bench.upload(make_jpeg(100, 60), HERO)
    before = await bench.variant(image_id, "hero")
    await presets.update(bench.owner, "hero", PresetChange(width_px=40))

    for _ in range(MAX_FAILURES):
        claim = await claims.claim(image_id)
        assert claim is not None
        await claims.give_up_try(claim, claim.variants, RenderFailed("no"))
        await _let_pauses_pass(bench, image_id)

    after = await bench.variant(image_id, "hero")
    assert (after.state, after.is_stale, after.object_key) == (VariantState.READY, False, before.object_key)
    assert (await bench.image(image_id)).state is ImageState.READY
    assert await claims.claim(image_id) is None


async def test_making_anew_that_takes_its_workers_with_it_ends_too(bench: Workbench) -> None:
    presets, claims = bench.container.services.presets, bench.container.claims
    await presets.create(bench.owner, "hero", BOX)
    image_id = await bench.upload(make_jpeg(100, 60), HERO)
    await presets.update(bench.owner, "hero", PresetChange(width_px=40))

    for _ in range(MAX_LONE_STARVATIONS + 1):
        claim = await claims.claim(image_id)
        assert claim is not None
        await claims.put_off(claim, claim.variants, lack=Lack.TIME)
        await _let_pauses_pass(bench, image_id)

    after = await bench.variant(image_id, "hero")
    assert (after.state, after.is_stale) == (VariantState.READY, False)


async def test_what_was_planned_or_failed_is_planned_by_the_new_rule(bench: Workbench) -> None:
    presets, claims = bench.container.services.presets, bench.container.claims
    # Enlarged beyond what any picture may be: it fails, and a smaller box helps.
    await presets.create(bench.owner, "hero", PresetChange(fit=Fit.CONTAIN, width_px=16_000))
    content = make_jpeg(100, 60)
    image_id = await bench.upload(content, HERO)
    for _ in range(MAX_FAILURES - 1):
        await _let_pauses_pass(bench, image_id)
        await bench.work(image_id)
    failed = await bench.variant(image_id, "hero")

    await presets.update(bench.owner, "hero", PresetChange(width_px=60))
    replanned, image_replanned = await bench.variant(image_id, "hero"), await bench.image(image_id)
    await bench.work(image_id)

    assert failed.state is VariantState.FAILED
    assert (replanned.state, replanned.failures, image_replanned.state) == (
        *(VariantState.PLANNED, 0),
        ImageState.PROCESSING,
    )
    assert replanned.revision == image_replanned.revision
    assert (await bench.picture(image_id, "hero")).size == (60, 36)
    assert await claims.claim(image_id) is None


async def test_a_new_focal_point_makes_only_cuts_anew(bench: Workbench) -> None:
    stripes = Image.new("RGB", (300, 100), (200, 0, 0))
    stripes.paste((0, 0, 200), (200, 0, 300, 100))
    buffer = io.BytesIO()
    stripes.save(buffer, "PNG")
    image_id = await bench.upload(buffer.getvalue(), THUMB, SMALL)
    middle = (await bench.picture(image_id, "thumb")).convert("RGB").getpixel((64, 64))

    await bench.container.services.library.update(bench.owner, image_id, ImageChange(focal_point=(1.0, 0.5)))
    waiting = {variant.size: variant.is_stale for variant in (await bench.look(image_id)).variants}
    await bench.work(image_id)

    assert waiting == {"original": False, "thumb": True, "small": False}
    assert middle == (200, 0, 0)
    assert (await bench.picture(image_id, "thumb")).convert("RGB").getpixel((64, 64)) == (0, 0, 200)
    assert await bench.objects(image_id) == await bench.named(image_id)


async def _let_pauses_pass(bench: Workbench, image_id: ImageId) -> None:
    async with bench.container.database.write() as db:
        await update_variants(db, image_id, {"not_before": None})
