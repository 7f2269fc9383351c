"""Arithmetic that must hold for every size there can be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.bands import find_band
from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import Geometry
from app.rendering.child.decode_plan import expected_sizes, find_divisor, largest_need, plan_decodes
from app.rendering.child.encode import avif_quality
from app.rendering.child.geometry import find_scale_factor, plan_rasters
from app.rendering.child.webp_film import find_times
from app.rendering.protocol import RenderSpec

SIDES = st.integers(1, 16_384)


def spec(width: int, height: int, *, final: tuple[int, int] | None = None, key: str = "x") -> RenderSpec:
    return RenderSpec(key, ImageFormat.WEBP, Geometry((width, height), final or (width, height)))


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_shrunk_decode_keeps_enough_and_never_asks_for_more_than_there_is(
    w: int, h: int, want_w: int, want_h: int
) -> None:
    facts = HeaderFacts(ImageFormat.JPEG, w, h)

    divisor = find_divisor(facts, (want_w, want_h))

    assert w // divisor >= 1
    assert h // divisor >= 1
    smallest = min(expected_sizes(facts, divisor))
    assert divisor == 1 or (smallest[0] >= 1.5 * want_w and smallest[1] >= 1.5 * want_h)


def test_twelve_megapixels_are_decoded_at_three_eighths_for_800() -> None:
    facts = HeaderFacts(ImageFormat.JPEG, 4032, 3024)

    assert find_divisor(facts, (800, 600)) == 3
    assert expected_sizes(facts, 3) == {(4032, 3024), (1512, 1134)}


def test_for_those_who_wait_twelve_megapixels_are_decoded_at_a_quarter() -> None:
    facts = HeaderFacts(ImageFormat.JPEG, 4032, 3024)
    quick = replace(spec(800, 600), is_quick=True)

    assert plan_decodes(facts, [quick]).divisors == (4,)
    assert plan_decodes(facts, [quick, spec(800, 600)]).divisors == (3,)


def test_a_side_that_does_not_divide_is_not_squeezed_visibly() -> None:
    facts = HeaderFacts(ImageFormat.JPEG, 2725, 2225)

    assert find_divisor(facts, (800, 653)) == 1
    assert find_divisor(facts, (128, 105)) > 1
    assert find_divisor(facts, (800, 653), is_quick=True) == 3


def test_one_large_size_does_not_spoil_the_decode_of_the_others() -> None:
    facts = HeaderFacts(ImageFormat.JPEG, 4000, 3000)

    assert plan_decodes(facts, [spec(1500, 1125), spec(1300, 975)]).divisors == (2, 1)
    assert plan_decodes(facts, [spec(800, 600), spec(200, 150)]).divisors == (3,)
    assert plan_decodes(facts, []).divisors == (8,)


def test_small_sizes_have_a_quick_decode_of_their_own_beside_a_large_one() -> None:
    facts = HeaderFacts(ImageFormat.JPEG, 4032, 3024)

    plan = plan_decodes(facts, [spec(1200, 900), spec(800, 600), spec(256, 192), spec(128, 96)])

    assert plan.divisors == (4, 2)
    assert [(raster.scaled[0], raster.parent, raster.divisor) for raster in plan.rasters] == [
        (1200, None, 2),
        (800, None, 2),
        (256, None, 4),
        (128, 2, 4),
    ]


@pytest.mark.parametrize("codec", [codec for codec in ImageFormat if codec is not ImageFormat.JPEG])
def test_what_cannot_be_shrunk_while_it_is_decoded_is_decoded_once(codec: ImageFormat) -> None:
    facts = HeaderFacts(codec, 6000, 5000)

    plan = plan_decodes(facts, [spec(2048, 1707), spec(200, 167), replace(spec(64, 53), is_quick=True)])

    assert plan.divisors == (1,)


def test_the_need_of_a_turned_picture_is_turned() -> None:
    facts = HeaderFacts(ImageFormat.JPEG, 300, 200, orientation=6)

    assert largest_need(facts, [spec(20, 30), spec(10, 40)]) == (40, 20)


@given(SIDES, SIDES, SIDES, SIDES)
def test_averaging_leaves_half_as_much_again(w: int, h: int, want_w: int, want_h: int) -> None:
    factor = find_scale_factor((w, h), (want_w, want_h))

    assert factor == 1 or (w / factor >= 1.5 * want_w and h / factor >= 1.5 * want_h)


@pytest.mark.parametrize(("source_px", "scaled_px"), [(2, 901), (1, 16_384), (3, 7)])
def test_a_band_of_an_enlarged_picture_has_pixels_for_the_filter(source_px: int, scaled_px: int) -> None:
    band = find_band(source_px, scaled_px, 1)

    assert band.source_px == source_px


@given(SIDES, SIDES, st.data())
def test_a_band_lies_where_the_whole_would(source_px: int, scaled_px: int, data: st.DataObject) -> None:
    final_px = data.draw(st.integers(1, scaled_px))

    band = find_band(source_px, scaled_px, final_px)

    assert band.source_start >= 0
    assert 1 <= band.source_px <= source_px - band.source_start
    assert band.trim_start >= 0
    assert band.trim_start + final_px <= band.result_px <= scaled_px
    ratio = source_px / scaled_px
    first = (scaled_px - final_px) // 2
    shift = (band.source_start / ratio + band.trim_start) - first
    assert abs(shift) <= 0.011 * max(1.0, 1 / ratio)


def test_small_sizes_come_from_the_smallest_raster_that_is_twice_theirs() -> None:
    specs = [spec(256, 192), spec(800, 600), spec(1200, 900, final=(1200, 630)), spec(171, 128, final=(128, 128))]

    plans = plan_rasters([*specs, spec(800, 600, key="again")])

    assert [(plan.scaled, plan.cropped, plan.parent, plan.specs) for plan in plans] == [
        ((1200, 900), (1200, 630), None, (2,)),
        ((800, 600), (800, 600), None, (1, 4)),
        ((256, 192), (256, 192), 1, (0,)),
        ((171, 128), (128, 128), 1, (3,)),
    ]


def test_sizes_close_to_a_large_one_come_from_it() -> None:
    specs = [spec(width, width * 3 // 4) for width in (2048, 1536, 1024, 768)]

    plans = plan_rasters(specs)

    assert [(plan.scaled[0], plan.parent) for plan in plans] == [(2048, None), (1536, 0), (1024, 0), (768, 1)]


def test_avif_quality_meets_the_common_scale_at_both_ends() -> None:
    assert [avif_quality(quality) for quality in (1, 40, 80, 90, 100)] == [1, 25, 50, 75, 100]


def test_times_of_frames_are_set_right_though_shifted_and_merged() -> None:
    wanted = [100, 250, 400, 50, 60]

    assert find_times([250, 400, 50, 60, 77], wanted) == wanted
    assert find_times([650, 50, 60, 77], wanted) == [350, 400, 50, 60]
    assert find_times([350, 400, 50, 60], wanted) == [350, 400, 50, 60]
    assert find_times([7, 7], wanted) == [7, 7]
    assert find_times([], wanted) == []
