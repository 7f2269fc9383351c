"""What comes out of the cage, judged by another decoder."""

import base64
import io
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget
from app.domain.variants import Fit, Geometry
from app.rendering.protocol import Decoded, NotRendered, Rendered, RenderSpec
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, render
from tests.support.render_inputs import (
    BLUE,
    GREEN,
    ORIENTATION_TAG,
    RED,
    STORED_CORNERS,
    WHITE,
    corner_colors,
    exif_with,
    is_near,
    make_detailed,
    make_quarters,
    mean_of,
    open_rgb,
    psnr,
    resize_exactly,
    save,
    ssim,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES: tuple[tuple[int | None, int | None], ...] = ((200, None), (96, 96), (150, 400), (600, 500))
STILL_CODECS = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.GIF)


HUGE = pytest.mark.full("fifty megapixels each; make test has those of a JPEG")
MORE_PAIRS = pytest.mark.full("the same claim for more pairs; make test has each of both sides once")


def crossed(*pairs: tuple[object, object], first: object, second: object) -> list[object]:
    """All pairs; in the first tier are those with one of these sides."""
    return [pytest.param(*pair, marks=() if first in pair or second in pair else MORE_PAIRS) for pair in pairs]


@pytest.mark.parametrize(
    ("extension", "effort"),
    [
        ("jpg", {}),
        pytest.param("png", {}, marks=HUGE),
        pytest.param("webp", {"method": 0}, marks=HUGE),
        pytest.param("avif", {"speed": 10}, marks=HUGE),
    ],
)
async def test_the_largest_pictures_that_are_taken_are_rendered(
    cage: Cage, tmp_path: Path, extension: str, effort: dict[str, int]
) -> None:
    colors = (RED, GREEN, BLUE, WHITE)
    source = save(make_quarters(8600, 5800, colors), tmp_path / f"large.{extension}", **effort)
    assert 0.99 < 8600 * 5800 / Budget().max_frame_pixels <= 1
    spec = make_spec(source, ImageFormat.PNG, box(400))

    outcome = await render(cage, source, [spec])

    for got, want in zip(corner_colors(outcome.only_file), colors, strict=True):
        assert is_near(got, want, within=14)


@pytest.mark.parametrize(
    ("orientation", "extension"), crossed(*product(range(1, 9), ["jpg", "png", "webp"]), first=6, second="jpg")
)
async def test_every_orientation_comes_out_upright(
    cage: Cage, tmp_path: Path, extension: str, orientation: int
) -> None:
    upright = (RED, GREEN, BLUE, WHITE)
    stored = tuple(upright[STORED_CORNERS[orientation].index(corner)] for corner in range(4))
    size = (160, 240) if orientation >= 5 else (240, 160)
    exif = exif_with({ORIENTATION_TAG: orientation})
    source = save(make_quarters(*size, stored), tmp_path / f"turned.{extension}", exif=exif, quality=95)
    specs = [make_spec(source, codec, box(120)) for codec in (ImageFormat.PNG, ImageFormat.AVIF)]
    thumb = make_spec(source, ImageFormat.WEBP, box(64, 64, Fit.COVER))

    outcome = await render(cage, source, [*specs, thumb])

    assert (outcome.decoded.width_px, outcome.decoded.height_px) == (240, 160)
    for spec in (*specs, thumb):
        for got, want in zip(corner_colors(outcome.files[spec.key]), upright, strict=True):
            assert is_near(got, want, within=14), (spec.key, got, want)
        with Image.open(outcome.files[spec.key]) as picture:
            assert picture.size == spec.geometry.final
            assert picture.getexif().get(ORIENTATION_TAG, 1) == 1


@pytest.mark.parametrize(
    ("fit", "codec"), crossed(*product(Fit, STILL_CODECS), first=Fit.COVER, second=ImageFormat.PNG)
)
async def test_every_fit_is_exact_to_the_pixel_in_every_codec(
    cage: Cage, tmp_path: Path, codec: ImageFormat, fit: Fit
) -> None:
    source = save(make_detailed(403, 301), tmp_path / "picture.jpg", quality=92)
    specs = [make_spec(source, codec, box(*size, fit)) for size in SIZES]

    outcome = await render(cage, source, specs)

    assert not outcome.failures
    for spec in specs:
        with Image.open(outcome.files[spec.key]) as picture:
            assert picture.size == spec.geometry.final
            assert picture.format == codec.value.upper()
            picture.load()


async def test_a_picture_of_one_pixel_gives_every_size(cage: Cage, tmp_path: Path) -> None:
    source = save(Image.new("RGB", (1, 1), RED), tmp_path / "dot.png")
    specs = [make_spec(source, codec, box(128, 128, Fit.COVER)) for codec in STILL_CODECS]

    outcome = await render(cage, source, specs)

    assert not outcome.failures
    assert outcome.decoded.dominant_color == "#dc1e1e"


async def test_a_thin_picture_survives_the_shrinking_decode(cage: Cage, tmp_path: Path) -> None:
    # ImageMagick 6.9.11 takes a hint larger than the picture on either side for twice its size.
    for size in ((3000, 3), (5, 3000), (9, 2500), (1, 4000)):
        source = save(make_detailed(*size), tmp_path / f"thin{size[0]}.jpg", quality=90)

        outcome = await render(cage, source, [make_spec(source, ImageFormat.WEBP, box(100, 100))])

        assert not outcome.failures


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1600, 1200), [(800, None), (256, None), (128, 128)]),
        pytest.param((2016, 1511), [(1200, 630), (800, None), (333, 77)], marks=MORE_PAIRS),
        pytest.param((1500, 2100), [(640, 480), (97, None)], marks=MORE_PAIRS),
    ],
)
async def test_resizing_is_as_good_as_exact_arithmetic(
    cage: Cage, tmp_path: Path, size: tuple[int, int], wanted: list[tuple[int, int | None]]
) -> None:
    source = save(make_detailed(*size), tmp_path / "photo.jpg", quality=95)
    reference = open_rgb(source)
    specs = [make_spec(source, ImageFormat.PNG, box(*side, Fit.COVER)) for side in wanted]

    outcome = await render(cage, source, specs)

    for spec in specs:
        (scaled_w, scaled_h), (width, height) = spec.geometry.scaled, spec.geometry.final
        left, top = (scaled_w - width) // 2, (scaled_h - height) // 2
        exact = resize_exactly(reference, scaled_w, scaled_h)[top : top + height, left : left + width]
        got = open_rgb(outcome.files[spec.key])
        assert psnr(got, np.clip(exact, 0, 255)) >= 48, spec.key
        assert ssim(got, np.clip(exact, 0, 255)) >= 0.997, spec.key


async def test_transparency_is_kept_or_laid_on_the_background(cage: Cage, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    picture.paste((*BLUE, 255), (0, 0, 40, 80))
    source = save(picture, tmp_path / "half.png")
    specs = [make_spec(source, codec, box(40), background="#ff8000") for codec in STILL_CODECS]

    outcome = await render(cage, source, specs)

    assert outcome.decoded.has_alpha
    for spec in specs:
        with Image.open(outcome.files[spec.key]) as result:
            rgba = result.convert("RGBA")
            left, right = rgba.getpixel((8, 20)), rgba.getpixel((32, 20))
            assert isinstance(left, tuple)
            assert isinstance(right, tuple)
            assert is_near(left, BLUE, within=20)
            if spec.codec is ImageFormat.JPEG:
                assert is_near(right, (255, 128, 0), within=20)
            else:
                assert right[3] == 0


async def test_padding_takes_the_background(cage: Cage, tmp_path: Path) -> None:
    source = save(make_quarters(100, 50), tmp_path / "wide.jpg", quality=95)
    spec = make_spec(source, ImageFormat.PNG, box(100, 100, Fit.PAD), background="#102030")

    outcome = await render(cage, source, [spec])

    pixels = open_rgb(outcome.only_file)
    assert tuple(pixels[5, 50]) == (16, 32, 48) == tuple(pixels[95, 50])
    assert is_near(tuple(pixels[40, 10].astype(int)), RED, within=12)


async def test_the_verdict_comes_first_and_is_right(cage: Cage, tmp_path: Path) -> None:
    source = save(make_quarters(400, 300, (RED, RED, RED, RED)), tmp_path / "red.jpg", quality=95)

    outcome = await render(cage, source, [make_spec(source, ImageFormat.JPEG, box(100))])

    assert [type(answer) for answer in outcome.answers] == [Decoded, Rendered]
    assert outcome.decoded.dominant_color in {"#dc1e1e", "#dc1f1e", "#dc1d1e", "#dd1e1e", "#db1e1e", "#dc1e1f"}
    assert len(base64.b64decode(outcome.decoded.thumbhash)) >= 5
    with Image.open(io.BytesIO(outcome.decoded.placeholder_png)) as placeholder:
        assert placeholder.size == (32, 24)
        placeholder.load()


async def test_no_specs_give_the_verdict_alone(cage: Cage, tmp_path: Path) -> None:
    source = save(make_detailed(2000, 1500), tmp_path / "photo.jpg")

    outcome = await render(cage, source, [])

    assert [type(answer) for answer in outcome.answers] == [Decoded]


async def test_one_impossible_file_does_not_harm_the_others(cage: Cage, tmp_path: Path) -> None:
    source = save(make_quarters(100, 100), tmp_path / "picture.png")
    # WebP ends at 16,383 pixels a side.
    too_wide = RenderSpec("wide", ImageFormat.WEBP, Geometry((16_384, 10), (16_384, 10)))
    good = make_spec(source, ImageFormat.WEBP, box(50))

    outcome = await render(cage, source, [too_wide, good])

    assert [failure.key for failure in outcome.failures] == ["wide"]
    assert mean_of(outcome.files[good.key])
    assert any(isinstance(answer, NotRendered) for answer in outcome.answers)
