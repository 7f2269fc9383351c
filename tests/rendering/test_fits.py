"""Every fit to the pixel, in rendered files: how large, what of the picture, and where.

The meaning of each fit is Cloudflare's; the boxes of 1080 × 720 pictures are its documentation's own examples.
"""

import functools
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.domain.formats import ImageFormat
from app.domain.variants import Fit, FocalPoint, Geometry, Preset, plan_geometry
from app.rendering.protocol import RenderSpec
from app.rendering.sandbox import Cage
from tests.support.render_fixture import read_facts, render
from tests.support.render_inputs import (
    ORIENTATION_TAG,
    Pixels,
    exif_with,
    make_detailed,
    open_rgb,
    psnr,
    resize_exactly,
    save,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

Box = tuple[int | None, int | None]
Size = tuple[int, int]
SCALE_DOWN, CONTAIN, COVER, CROP, PAD = Fit.SCALE_DOWN, Fit.CONTAIN, Fit.COVER, Fit.CROP, Fit.PAD

SIZES: list[tuple[Fit, Size, Box, Size]] = [
    # The documentation's examples.
    (SCALE_DOWN, (1080, 720), (500, 500), (500, 333)),
    (SCALE_DOWN, (1080, 720), (2000, 2000), (1080, 720)),
    (COVER, (1080, 720), (500, 500), (500, 500)),
    (CROP, (1080, 720), (1296, 1296), (1080, 720)),
    (PAD, (1080, 720), (1080, 1080), (1080, 1080)),
    # Shrinking into a box with both sides.
    (CONTAIN, (300, 200), (90, 90), (90, 60)),
    (CROP, (300, 200), (90, 90), (90, 90)),
    (PAD, (300, 200), (90, 90), (90, 90)),
    # Enlarging: only contain, cover and pad do.
    (SCALE_DOWN, (30, 20), (90, 90), (30, 20)),
    (CONTAIN, (30, 20), (90, 90), (90, 60)),
    (COVER, (30, 20), (90, 90), (90, 90)),
    (CROP, (30, 20), (90, 90), (30, 20)),
    (CROP, (30, 20), (90, 10), (30, 10)),
    (PAD, (30, 20), (90, 90), (90, 90)),
    # One side alone: a plain resize.
    (SCALE_DOWN, (300, 200), (90, None), (90, 60)),
    (SCALE_DOWN, (300, 200), (None, 50), (75, 50)),
    (SCALE_DOWN, (300, 200), (600, None), (300, 200)),
    (CONTAIN, (300, 200), (600, None), (600, 400)),
    (COVER, (300, 200), (90, None), (90, 60)),
    (COVER, (300, 200), (None, 400), (600, 400)),
    (CROP, (300, 200), (None, 50), (75, 50)),
    (CROP, (300, 200), (600, None), (300, 200)),
    (PAD, (300, 200), (90, None), (90, 60)),
    (PAD, (300, 200), (None, 400), (600, 400)),
]


@pytest.mark.parametrize(("fit", "size", "box", "expected"), SIZES)
async def test_each_fit_gives_exactly_its_size(
    cage: Cage, tmp_path: Path, fit: Fit, size: Size, box: Box, expected: Size
) -> None:
    source = save(make_detailed(*size), tmp_path / "picture.png")
    specs = [_spec(source, Preset("any", fit, *box), codec) for codec in (ImageFormat.PNG, ImageFormat.WEBP)]

    outcome = await render(cage, source, specs)

    for spec in specs:
        with Image.open(outcome.files[spec.key]) as picture:
            assert picture.size == expected


MORE_PAIRS = pytest.mark.full("the same claim for more pairs; make test has each of both sides once")
FOCALS = [None, (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.37, 0.61)]
EXACT_CUTS = [
    pytest.param(*pair, marks=() if pair[0] == 6 or pair[1] == (0.37, 0.61) else MORE_PAIRS)
    for pair in product(range(1, 9), FOCALS)
]


@pytest.mark.parametrize(("orientation", "focal"), EXACT_CUTS)
async def test_a_cut_keeps_exactly_these_pixels_in_every_orientation(
    cage: Cage, tmp_path: Path, orientation: int, focal: tuple[float, float] | None
) -> None:
    # Larger than the picture is high, so that nothing is resized and each pixel can be told.
    upright = _make_numbered(61, 40)
    source = tmp_path / "numbered.png"
    _turn_back(Image.fromarray(upright), orientation).save(source, exif=exif_with({ORIENTATION_TAG: orientation}))
    wide = _spec(source, Preset("wide", CROP, 24, 500), focal=focal)
    flat = _spec(source, Preset("flat", CROP, 500, 17), focal=focal)

    outcome = await render(cage, source, [wide, flat])

    x, y = focal or (0.5, 0.5)
    left, top = _start(61, 24, x), _start(40, 17, y)
    assert np.array_equal(open_rgb(outcome.files["wide"]), upright[:, left : left + 24])
    assert np.array_equal(open_rgb(outcome.files["flat"]), upright[top : top + 17, :])


CORNERS: list[tuple[tuple[float, float] | None, Size]] = [
    (None, (125, 0)),
    ((0.5, 0.5), (125, 0)),
    ((0.0, 0.5), (0, 0)),
    ((1.0, 0.5), (250, 0)),
    ((0.4, 0.9), (50, 0)),
    ((0.9, 0.1), (250, 0)),
]
RESIZED_CUTS = [
    pytest.param(orientation, *corner, marks=() if orientation == 1 or corner[1] == (50, 0) else MORE_PAIRS)
    for orientation, corner in product([1, 3, 6, 8], CORNERS)
]


@functools.cache
def photo() -> tuple[Image.Image, Pixels]:
    """A picture, and what exact arithmetic makes of it."""
    upright = make_detailed(1080, 720)
    return upright, np.clip(resize_exactly(np.asarray(upright, np.float64), 750, 500), 0, 255)


@pytest.mark.parametrize(("orientation", "focal", "corner"), RESIZED_CUTS)
async def test_a_resized_cut_lies_where_the_focal_point_says(
    cage: Cage, tmp_path: Path, orientation: int, focal: tuple[float, float] | None, corner: Size
) -> None:
    upright, whole = photo()
    source = tmp_path / "photo.jpg"
    _turn_back(upright, orientation).save(source, quality=97, exif=exif_with({ORIENTATION_TAG: orientation}))
    spec = _spec(source, Preset("square", COVER, 500, 500), focal=focal)

    outcome = await render(cage, source, [spec])

    got = open_rgb(outcome.only_file)
    here = psnr(got, whole[:, corner[0] : corner[0] + 500])
    beside = [psnr(got, whole[:, left : left + 500]) for left in (corner[0] - 1, corner[0] + 1) if 0 <= left <= 250]
    assert spec.geometry.scaled == (750, 500)
    assert here >= 40
    # One pixel beside the right place is plainly worse.
    assert here > max(beside) + 3


async def test_an_enlarged_cover_is_cut_at_the_focal_point(cage: Cage, tmp_path: Path) -> None:
    # Four plain stripes, enlarged four times and cut to a square: what stands in the middle tells where.
    stripes = np.zeros((10, 40, 3), np.uint8)
    for index, color in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))):
        stripes[:, 10 * index : 10 * index + 10] = color
    source = save(Image.fromarray(stripes), tmp_path / "stripes.png")
    shares = (0.0, 0.375, 0.625, 1.0)
    specs = [_spec(source, Preset(f"at{share}", COVER, 40, 40), focal=(share, 0.5)) for share in shares]

    outcome = await render(cage, source, specs)

    middles = [tuple(open_rgb(outcome.files[spec.key])[20, 20]) for spec in specs]
    assert middles == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


async def test_padding_lies_evenly_around_every_pixel(cage: Cage, tmp_path: Path) -> None:
    numbered = _make_numbered(61, 40)
    source = save(Image.fromarray(numbered), tmp_path / "numbered.png")
    # As wide as the picture, so that it is not resized; the odd pixel of background comes below.
    spec = _spec(source, Preset("padded", PAD, 61, 75), focal=(0.0, 0.0))

    outcome = await render(cage, source, [spec])

    pixels = open_rgb(outcome.only_file)
    assert np.array_equal(pixels[17:57], numbered)
    assert (pixels[:17] == 255).all()
    assert (pixels[57:] == 255).all()


async def test_animations_are_cut_at_the_focal_point_too(cage: Cage, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (60, 20), color) for color in ((200, 0, 0), (0, 200, 0))]
    for frame in frames:
        frame.paste((0, 0, 250), (40, 0, 60, 20))
    source = tmp_path / "film.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100, loop=0)
    right = _spec(source, Preset("right", COVER, 20, 20), ImageFormat.GIF, focal=(1.0, 0.5), is_animated=True)
    left = _spec(source, Preset("left", COVER, 20, 20), ImageFormat.GIF, focal=(0.0, 0.5), is_animated=True)

    outcome = await render(cage, source, [right, left])

    assert tuple(open_rgb(outcome.files["right"])[10, 10]) == (0, 0, 250)
    assert tuple(open_rgb(outcome.files["left"])[10, 10]) == (200, 0, 0)


@pytest.mark.parametrize(
    ("fit", "focal", "expected"),
    [
        (COVER, (0.5, 0.5), Geometry((750, 500), (500, 500))),
        (COVER, (0.0, 0.7), Geometry((750, 500), (500, 500), (0, 0))),
        (COVER, (0.6, 0.7), Geometry((750, 500), (500, 500), (200, 0))),
        (CROP, (1.0, 1.0), Geometry((750, 500), (500, 500), (250, 0))),
        (SCALE_DOWN, (0.0, 0.0), Geometry((500, 333), (500, 333))),
        (PAD, (0.0, 0.0), Geometry((500, 333), (500, 500))),
    ],
)
async def test_the_focal_point_changes_only_what_is_cut(
    fit: Fit, focal: tuple[float, float], expected: Geometry
) -> None:
    assert plan_geometry(Preset("any", fit, 500, 500), 1080, 720, FocalPoint(*focal)) == expected


def _spec(
    source: Path,
    preset: Preset,
    codec: ImageFormat = ImageFormat.PNG,
    *,
    focal: tuple[float, float] | None = None,
    is_animated: bool = False,
) -> RenderSpec:
    point = FocalPoint(*focal) if focal is not None else None
    geometry = plan_geometry(preset, *read_facts(source).displayed_size, point)
    key = preset.name if codec in {ImageFormat.PNG, ImageFormat.GIF} else f"{preset.name}.{codec}"
    return RenderSpec(key, codec, geometry, is_animated=is_animated)


def _make_numbered(width: int, height: int) -> npt.NDArray[np.uint8]:
    """A picture whose pixels are all different: red tells the column, green the row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.arange(width)[None, :] * 4
    pixels[:, :, 1] = np.arange(height)[:, None] * 6
    return pixels


def _turn_back(upright: Image.Image, orientation: int) -> Image.Image:
    """The picture as a camera stores it that notes this orientation."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # Pillow turns to the left
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return upright.transpose(turns[orientation]) if orientation in turns else upright


def _start(side_px: int, kept_px: int, share: float) -> int:
    """Where a cut begins that has the focal point in its middle, or as near as the edges allow."""
    return max(0, min(side_px - kept_px, int((side_px * share - kept_px / 2) // 1)))
