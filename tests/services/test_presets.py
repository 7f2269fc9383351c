"""Own presets: what they may be, and what becomes of the variants behind them when they change or go."""

import asyncio

import pytest

from app.container import Container
from app.domain.access import ANONYMOUS, Principal, Scope
from app.domain.policy import Profile, Wanted
from app.domain.presets import built_in_id
from app.domain.states import ImageState
from app.domain.variants import BUILT_IN_PRESETS, Derivative, Family, Fit, MetadataPolicy
from app.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    SafelightError,
    Unauthorized,
)
from app.ids import AccountId, make_uuid
from app.services.library.presets import PresetChange
from tests.support.pictures import make_gif, make_jpeg
from tests.support.upload_harness import Workbench

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERO = Derivative(Family.PNG, "hero")
BOX = PresetChange(fit=Fit.SCALE_DOWN, width_px=30)


@pytest.mark.parametrize(
    ("name", "change", "error", "field"),
    [
        ("", BOX, InvalidRequest, "name"),
        ("-hero", BOX, InvalidRequest, "name"),
        ("a/b", BOX, InvalidRequest, "name"),
        ("a.b", BOX, InvalidRequest, "name"),
        ("héro", BOX, InvalidRequest, "name"),
        ("hero\n", BOX, InvalidRequest, "name"),
        ("nul\0", BOX, InvalidRequest, "name"),
        ("\ud800", BOX, InvalidRequest, "name"),
        ("a" * 100, BOX, InvalidRequest, "name"),
        ("original", BOX, Conflict, "name"),
        ("W512", BOX, Conflict, "name"),
        ("hero", PresetChange(fit=Fit.PAD, width_px=0), InvalidRequest, "width"),
        ("hero", PresetChange(fit=Fit.PAD, width_px=16_385), InvalidRequest, "width"),
        ("hero", PresetChange(fit=Fit.PAD, height_px=-1), InvalidRequest, "height"),
        ("hero", PresetChange(fit=Fit.PAD, quality=0), InvalidRequest, "quality"),
        ("hero", PresetChange(fit=Fit.PAD, quality=101), InvalidRequest, "quality"),
        ("hero", PresetChange(fit=Fit.SCALE_DOWN, browser_ttl_s=-1), InvalidRequest, "browserTtl"),
        ("hero", PresetChange(fit=Fit.SCALE_DOWN, browser_ttl_s=31_536_001), InvalidRequest, "browserTtl"),
    ],
)
async def test_a_preset_that_cannot_be_is_refused_by_field(
    container: Container, owner: Principal, name: str, change: PresetChange, error: type[SafelightError], field: str
) -> None:
    with pytest.raises(error) as refused:
        await container.services.presets.create(owner, name, change)

    assert refused.value.details["field"] == field


async def test_a_preset_is_made_read_changed_and_deleted(container: Container, owner: Principal) -> None:
    presets = container.services.presets
    wanted = PresetChange(fit=Fit.COVER, width_px=16_384, height_px=1, quality=1, never_require_signed_urls=True)

    made = await presets.create(owner, "A" * 99, wanted)
    changed = await presets.update(owner, "A" * 99, PresetChange(quality=None, metadata=MetadataPolicy.KEEP))
    listed = await presets.list(owner)
    found = await presets.find(owner, "A" * 99)
    gone = await presets.delete(owner, "A" * 99)

    assert (made.preset.fit, made.preset.width_px, made.preset.height_px, made.quality) == (Fit.COVER, 16_384, 1, 1)
    assert (changed.quality, changed.preset.quality, changed.preset.metadata) == (None, 85, MetadataPolicy.KEEP)
    assert changed.preset.never_require_signed_urls
    assert [view.preset.name for view in listed] == [*BUILT_IN_PRESETS, "A" * 99]
    assert found == changed == listed[-1]
    assert await presets.find_by_id(owner, made.id) is None
    assert gone == "A" * 99


async def test_built_in_presets_are_found_by_stable_ids_and_never_change(
    container: Container, owner: Principal
) -> None:
    presets = container.services.presets

    found = await presets.find_by_id(owner, built_in_id("thumb"))

    assert found is not None
    assert (found.preset.name, found.is_built_in) == ("thumb", True)
    assert str(built_in_id("thumb")) == "140652ca-a07c-5339-8520-5b22e2865a0a"
    for attempt in (presets.update(owner, "thumb", BOX), presets.delete(owner, "thumb")):
        with pytest.raises(Conflict):
            await attempt


async def test_names_differ_by_more_than_case(container: Container, owner: Principal) -> None:
    await container.services.presets.create(owner, "Hero", BOX)

    with pytest.raises(Conflict):
        await container.services.presets.create(owner, "hERO", BOX)


async def test_the_101st_preset_is_refused(container: Container, owner: Principal) -> None:
    presets = container.services.presets
    for number in range(100):
        await presets.create(owner, f"p{number}", BOX)

    with pytest.raises(InvalidRequest):
        await presets.create(owner, "p100", BOX)
    await presets.delete(owner, "p7")
    assert await presets.create(owner, "p100", BOX)


async def test_of_many_who_make_the_same_preset_at_once_one_does(container: Container, owner: Principal) -> None:
    making = (container.services.presets.create(owner, "hero", BOX) for _ in range(8))

    outcomes = await asyncio.gather(*making, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 7 + ["PresetView"]


async def test_a_strangers_preset_is_like_none(container: Container, owner: Principal) -> None:
    presets = container.services.presets
    made = await presets.create(owner, "hero", BOX)
    stranger = Principal(AccountId(make_uuid()), frozenset(Scope))

    assert await presets.find(stranger, "hero") is None
    assert await presets.find_by_id(stranger, made.id) is None
    assert await presets.find_by_id(ANONYMOUS, built_in_id("thumb")) is None
    assert [view.preset.name for view in await presets.list(stranger)] == list(BUILT_IN_PRESETS)
    with pytest.raises(Unauthorized):
        await presets.list(ANONYMOUS)
    with pytest.raises(Forbidden):
        await presets.list(Principal(owner.account_id, frozenset({Scope.IMAGES_READ})))
    with pytest.raises(Forbidden):
        await presets.create(Principal(owner.account_id, frozenset({Scope.VARIANTS_READ})), "mine", BOX)


async def test_an_own_size_is_planned_and_made_by_its_rule(bench: Workbench) -> None:
    presets, variants = bench.container.services.presets, bench.container.services.variants
    await presets.create(bench.owner, "hero", PresetChange(fit=Fit.PAD, width_px=50, height_px=40))

    plan = await variants.plan(
        bench.owner, Wanted(Profile.CUSTOM, (HERO,)), width_px=300, height_px=10, media_type="image/jpeg"
    )
    image_id = await bench.upload(make_jpeg(100, 60), HERO)
    later = await bench.upload(make_jpeg(102, 60))
    await variants.generate(bench.owner, later, [HERO])
    await bench.work(later)

    assert [(size.derivative.size, size.width_px, size.height_px) for size in plan.planned][1:] == [("hero", 50, 40)]
    for made in (image_id, later):
        assert (await bench.picture(made, "hero")).size == (50, 40)
    with pytest.raises(InvalidRequest):
        await variants.generate(bench.owner, later, [Derivative(Family.PNG, "hera")])


async def test_a_deleted_preset_takes_its_variants_with_it(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", BOX)
    image_id = await bench.upload(make_jpeg(100, 60), HERO)
    planned = await bench.open(make_jpeg(104, 60), HERO)
    revision = (await bench.image(image_id)).revision

    await presets.delete(bench.owner, "hero")

    for gone in (image_id, planned.snapshot.image.id):
        assert [variant.size for variant in (await bench.look(gone)).variants] == ["original"]
    assert (await bench.image(image_id)).revision == revision + 1
    assert await bench.objects(image_id) == await bench.named(image_id)
    with pytest.raises(NotFound):
        await presets.delete(bench.owner, "hero")


async def test_deleting_a_preset_whose_variant_failed_makes_the_image_ready(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", PresetChange(fit=Fit.CONTAIN, width_px=16_000))
    image_id = await bench.upload(make_jpeg(100, 60), HERO)

    await presets.delete(bench.owner, "hero")

    assert (await bench.image(image_id)).state is ImageState.READY


async def test_a_variant_whose_preset_was_deleted_meanwhile_is_not_made(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", BOX)
    content = make_jpeg(106, 60)
    first = await bench.upload(content)
    # A session that was opened before, with the size's name in its policy for ever.
    later = await bench.open(content, HERO)
    await presets.delete(bench.owner, "hero")

    await bench.send(later, content)
    await bench.work(first)

    assert [variant.size for variant in (await bench.look(first)).variants] == ["original"]
    assert (await bench.image(first)).state is ImageState.READY


async def test_the_quality_of_a_preset_shows_in_its_files(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", PresetChange(fit=Fit.SCALE_DOWN, width_px=30, quality=20))
    await presets.create(bench.owner, "fine", PresetChange(fit=Fit.SCALE_DOWN, width_px=30, quality=95))
    sizes = [Derivative(Family.JPEG, name) for name in ("hero", "fine")]

    image_id = await bench.upload(make_jpeg(100, 60, noise=True), *sizes)

    coarse, fine = [await bench.variant(image_id, name, Family.JPEG) for name in ("hero", "fine")]
    assert (coarse.byte_size or 0) * 1.5 < (fine.byte_size or 0)


async def test_animations_of_an_own_size_keep_moving(bench: Workbench) -> None:
    presets = bench.container.services.presets
    await presets.create(bench.owner, "hero", PresetChange(fit=Fit.COVER, width_px=20, height_px=20))

    image_id = await bench.upload(make_gif(40, 30, frames=3), Derivative(Family.WEBP, "hero"))

    variant = await bench.variant(image_id, "hero", Family.WEBP)
    assert (variant.width_px, variant.height_px, variant.is_animated) == (20, 20, True)
