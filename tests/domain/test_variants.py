"""How large a preset makes a picture: Cloudflare's meaning of each fit, and its worked examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.formats import ImageFormat
from app.domain.variants import (
    BUILT_IN_PRESETS,
    Family,
    Fit,
    Geometry,
    Preset,
    guess_original_format,
    path_extension,
    plan_geometry,
    stored_format,
)

SIDES = st.integers(1, 16_384)


@pytest.mark.parametrize(
    ("fit", "box", "expected"),
    [
        (Fit.SCALE_DOWN, (500, 500), Geometry((500, 333), (500, 333))),
        (Fit.SCALE_DOWN, (2000, 2000), Geometry((1080, 720), (1080, 720))),
        (Fit.CONTAIN, (2000, 2000), Geometry((2000, 1333), (2000, 1333))),
        (Fit.COVER, (500, 500), Geometry((750, 500), (500, 500))),
        (Fit.COVER, (2160, 2160), Geometry((3240, 2160), (2160, 2160))),
        (Fit.CROP, (500, 500), Geometry((750, 500), (500, 500))),
        (Fit.CROP, (1296, 1296), Geometry((1080, 720), (1080, 720))),
        (Fit.CROP, (1296, 500), Geometry((1080, 720), (1080, 500))),
        (Fit.PAD, (1080, 1080), Geometry((1080, 720), (1080, 1080))),
        (Fit.SCALE_DOWN, (500, None), Geometry((500, 333), (500, 333))),
        (Fit.COVER, (500, None), Geometry((500, 333), (500, 333))),
        (Fit.PAD, (None, 360), Geometry((540, 360), (540, 360))),
        (Fit.CONTAIN, (None, None), Geometry((1080, 720), (1080, 720))),
    ],
)
def test_fits_mean_what_cloudflare_documents(fit: Fit, box: tuple[int | None, int | None], expected: Geometry) -> None:
    geometry = plan_geometry(Preset("any", fit, *box), 1080, 720)

    assert geometry == expected


@given(SIDES, SIDES, st.sampled_from(list(BUILT_IN_PRESETS.values())))
def test_no_side_is_ever_zero(width_px: int, height_px: int, preset: Preset) -> None:
    geometry = plan_geometry(preset, width_px, height_px)

    assert min(*geometry.scaled, *geometry.final) >= 1


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from([Fit.SCALE_DOWN, Fit.CROP]))
def test_scale_down_and_crop_never_enlarge(width: int, height: int, box_w: int, box_h: int, fit: Fit) -> None:
    geometry = plan_geometry(Preset("any", fit, box_w, box_h), width, height)

    assert geometry.final[0] <= width
    assert geometry.final[1] <= height


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from([Fit.COVER, Fit.PAD]))
def test_cover_and_pad_give_exactly_the_box(width: int, height: int, box_w: int, box_h: int, fit: Fit) -> None:
    geometry = plan_geometry(Preset("any", fit, box_w, box_h), width, height)

    assert geometry.final == (box_w, box_h)
    if fit is Fit.COVER:
        assert geometry.scaled[0] >= box_w
        assert geometry.scaled[1] >= box_h


def test_original_of_heic_is_what_browsers_show() -> None:
    assert stored_format(Family.ORIGINAL, ImageFormat.HEIC) is ImageFormat.JPEG
    assert stored_format(Family.ORIGINAL, ImageFormat.HEIC, has_alpha=True) is ImageFormat.PNG
    assert stored_format(Family.ORIGINAL, ImageFormat.GIF) is ImageFormat.GIF
    assert stored_format(Family.WEBP, ImageFormat.HEIC) is ImageFormat.WEBP


@pytest.mark.parametrize(
    ("filename", "extension"),
    [("a.PNG", "png"), ("a.heic", "jpg"), ("a", "jpg"), ("a.exe", "jpg"), ("a.b.webp", "webp"), ("", "jpg")],
)
def test_the_extension_before_the_bytes_comes_from_the_name(filename: str, extension: str) -> None:
    assert path_extension(Family.ORIGINAL, original=guess_original_format(filename)) == extension
