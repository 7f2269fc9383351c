"""Sizes of files: one function decides for plans, workers and addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.bands import find_band
from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget
from app.domain.transforms import Transform
from app.domain.variant_sizes import fitted_size, plan_variant
from app.domain.variants import BUILT_IN_PRESETS, Fit, FocalPoint, Preset
from app.errors import InvalidRequest

SIDES_PX = st.integers(1, 16_384)


@pytest.mark.parametrize("source_px", [(1, 16_384), (16_384, 1), (16_384, 3_000)])
def test_a_webp_has_no_side_of_more_than_16383_pixels(source_px: tuple[int, int]) -> None:
    final = plan_variant(Preset("original"), ImageFormat.WEBP, source_px, budget=Budget()).final

    assert max(final) == 16_383
    assert final == fitted_size(Preset("original"), ImageFormat.WEBP, source_px)
    assert plan_variant(Preset("original"), ImageFormat.PNG, source_px, budget=Budget()).final == source_px


@pytest.mark.parametrize("size", ["og-image", "thumb"])
@pytest.mark.parametrize("source_px", [(12_000, 400), (16_000, 400), (400, 16_000), (16_384, 1), (1, 16_384)])
def test_panoramas_have_every_built_in_size(size: str, source_px: tuple[int, int]) -> None:
    preset = BUILT_IN_PRESETS[size]

    geometry = plan_variant(preset, ImageFormat.JPEG, source_px, FocalPoint(0.9, 0.1), budget=Budget())

    assert geometry.final == (preset.width_px, preset.height_px)


@given(SIDES_PX, SIDES_PX, st.sampled_from(sorted(BUILT_IN_PRESETS)), st.sampled_from(list(ImageFormat)))
def test_no_picture_that_may_come_in_lacks_a_built_in_size(
    width_px: int, height_px: int, size: str, codec: ImageFormat
) -> None:
    if width_px * height_px > Budget().max_frame_pixels:
        return
    geometry = plan_variant(BUILT_IN_PRESETS[size], codec, (width_px, height_px), budget=Budget())

    for source_px, scaled_px, cropped_px, first_px in zip(
        (width_px, height_px), geometry.scaled, geometry.cropped, geometry.corner, strict=True
    ):
        band = find_band(source_px, scaled_px, cropped_px, first_px)
        assert 1 <= band.source_px <= source_px
        assert 0 <= band.trim_start <= band.result_px - band.final_px


@pytest.mark.parametrize(
    "size",
    [
        Preset("huge", Fit.COVER, 7_500, 7_500),
        Preset("wide", Fit.PAD, 20_000, 10),
        Transform(12_000, 12_000, Fit.COVER),
    ],
)
def test_a_size_that_is_too_large_is_refused_with_both_sizes(size: Preset | Transform) -> None:
    with pytest.raises(InvalidRequest, match="ask for a smaller size"):
        plan_variant(size, ImageFormat.JPEG, (400, 300), budget=Budget())
