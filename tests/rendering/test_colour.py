"""Colours are what an independent colour engine (Pillow with LittleCMS) makes of the same bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.domain.formats import ImageFormat
from app.rendering.child.icc import color_space, is_srgb, make_srgb_profile
from app.rendering.sandbox import Cage
from tests.support.color_profiles import make_matrix_profile
from tests.support.render_fixture import box, make_spec, render
from tests.support.render_inputs import Color, is_near, make_quarters, mean_of, save

pytestmark = pytest.mark.asyncio(loop_scope="session")

CODECS = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)

DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def expected_mean(picture: Image.Image, profile: bytes) -> Color:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None
    return tuple(round(float(value)) for value in np.asarray(converted, float).mean(axis=(0, 1)))


@pytest.mark.parametrize(("columns", "gamma"), [(DISPLAY_P3, None), (ADOBE_RGB, 2.19921875)], ids=["p3", "adobe"])
@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
async def test_wide_gamut_becomes_srgb_in_every_codec(
    cage: Cage, tmp_path: Path, extension: str, columns: tuple[tuple[float, ...], ...], gamma: float | None
) -> None:
    profile = make_matrix_profile(columns, gamma=gamma)
    picture = make_quarters(120, 80, ((200, 90, 60), (60, 170, 80), (70, 80, 190), (150, 150, 60)))
    source = save(picture, tmp_path / f"wide.{extension}", icc_profile=profile, quality=98)
    specs = [make_spec(source, codec, box(60), quality=95) for codec in CODECS]

    outcome = await render(cage, source, specs)

    want = expected_mean(picture, profile)
    assert not is_near(want, mean_of(source), within=2)
    for spec in specs:
        assert is_near(mean_of(outcome.files[spec.key]), want, within=2), spec.key
        with Image.open(outcome.files[spec.key]) as result:
            assert "icc_profile" not in result.info


async def test_cmyk_without_a_profile_is_no_negative(cage: Cage, tmp_path: Path) -> None:
    picture = Image.new("CMYK", (100, 60), (0, 200, 180, 10))
    source = save(picture, tmp_path / "print.jpg", quality=95)
    specs = [make_spec(source, codec, box(50)) for codec in CODECS]

    outcome = await render(cage, source, specs)

    want = mean_of(source)
    assert want[0] > want[1] + 100
    for spec in specs:
        assert is_near(mean_of(outcome.files[spec.key]), want, within=8), spec.key


async def test_sixteen_bits_become_eight(cage: Cage, tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 200 * 100).reshape(100, 200).astype(np.uint16)
    source = tmp_path / "deep.png"
    Image.fromarray(ramp).save(source)
    specs = [make_spec(source, codec, box(100)) for codec in CODECS]

    outcome = await render(cage, source, specs)

    for spec in specs:
        assert is_near(mean_of(outcome.files[spec.key]), (127, 127, 127), within=2), spec.key
        with Image.open(outcome.files[spec.key]) as result:
            assert result.mode in {"L", "RGB"}


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P"])
async def test_grey_and_palettes_keep_their_colours(cage: Cage, tmp_path: Path, mode: str) -> None:
    picture = make_quarters(80, 80).convert(mode)
    source = save(picture, tmp_path / "plain.png")
    specs = [make_spec(source, codec, box(80)) for codec in CODECS]

    outcome = await render(cage, source, specs)

    for spec in specs:
        assert is_near(mean_of(outcome.files[spec.key]), mean_of(source), within=3), spec.key


async def test_a_profile_that_does_not_fit_the_pixels_is_ignored(cage: Cage, tmp_path: Path) -> None:
    picture = make_quarters(80, 80).convert("L")
    source = save(picture, tmp_path / "grey.jpg", icc_profile=make_matrix_profile(DISPLAY_P3, gamma=1.0), quality=95)

    outcome = await render(cage, source, [make_spec(source, ImageFormat.PNG, box(80))])

    assert is_near(mean_of(outcome.only_file), mean_of(source), within=3)


async def test_a_broken_profile_does_not_break_the_picture(cage: Cage, tmp_path: Path) -> None:
    profile = bytearray(make_matrix_profile(DISPLAY_P3, gamma=1.8))
    profile[140:200] = b"\xff" * 60
    source = save(make_quarters(80, 80), tmp_path / "broken.jpg", icc_profile=bytes(profile), quality=95)

    outcome = await render(cage, source, [make_spec(source, ImageFormat.PNG, box(80))])

    assert is_near(mean_of(outcome.only_file), mean_of(source), within=6)


async def test_our_profile_is_srgb_for_others_too() -> None:
    profile = make_srgb_profile()
    picture = make_quarters(64, 64)

    assert is_srgb(profile)
    assert is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    mean = tuple(round(float(value)) for value in np.asarray(picture, float).mean(axis=(0, 1)))
    assert is_near(expected_mean(picture, profile), mean, within=1)


async def test_other_profiles_and_garbage_are_not_srgb() -> None:
    assert not is_srgb(make_matrix_profile(DISPLAY_P3, gamma=None))
    assert not is_srgb(make_matrix_profile(ADOBE_RGB, gamma=2.2))
    assert not is_srgb(make_srgb_profile()[:300])
    assert not is_srgb(b"")
    assert color_space(b"x" * 200) == b""
