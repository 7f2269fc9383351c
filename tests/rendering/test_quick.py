"""Files that a request waits for: made by two threads, without a verdict, and nearly as good."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from app.domain.formats import ImageFormat
from app.domain.variants import Fit
from app.rendering.protocol import Rendered
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, render
from tests.support.render_inputs import ORIENTATION_TAG, exif_with, make_detailed, make_soft, open_rgb, psnr, save

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER_TURNS = pytest.mark.full("three megapixels each; make test has one orientation")


SIZES = [(1600, 1200), (1601, 1199), (640, 3), (7, 50), (900, 1)]
BOXES = [(800, None), (256, 256), (3000, 700), (333, 1)]
IN_FIRST_TIER = {((1601, 1199), (256, 256)), ((640, 3), (333, 1)), ((7, 50), (256, 256)), ((900, 1), (800, None))}
MORE_SIZES = pytest.mark.full("large files of more sizes; make test has four of the twenty pairs")


@pytest.mark.parametrize(
    ("size", "wanted"),
    [pytest.param(*pair, marks=() if pair in IN_FIRST_TIER else MORE_SIZES) for pair in product(SIZES, BOXES)],
)
async def test_two_halves_are_the_whole(
    cage: Cage, tmp_path: Path, size: tuple[int, int], wanted: tuple[int, int | None]
) -> None:
    source = save(make_detailed(*size), tmp_path / "picture.png", compress_level=1)
    alone = make_spec(source, ImageFormat.PNG, box(*wanted, Fit.COVER))
    # Beside another size each is made by one thread.
    other = make_spec(source, ImageFormat.PNG, box(31, 31, Fit.COVER))

    halves = await render(cage, source, [alone])
    whole = await render(cage, source, [alone, other])

    made, expected = open_rgb(halves.files[alone.key]), open_rgb(whole.files[alone.key])
    assert made.shape == expected.shape
    assert np.abs(made.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("orientation", [*(pytest.param(each, marks=OTHER_TURNS) for each in (1, 3)), 6])
async def test_a_quick_file_is_near_the_fine_one(cage: Cage, tmp_path: Path, orientation: int) -> None:
    exif = exif_with({ORIENTATION_TAG: orientation})
    source = save(make_soft(2016, 1512), tmp_path / "photo.jpg", quality=95, exif=exif)
    fine = make_spec(source, ImageFormat.PNG, box(400))
    quick = replace(fine, is_quick=True)

    finely = await render(cage, source, [fine])
    quickly = await render(cage, source, [quick])

    assert psnr(open_rgb(quickly.only_file), open_rgb(finely.only_file)) >= 40


async def test_a_picture_that_is_known_is_not_judged_again(cage: Cage, tmp_path: Path) -> None:
    source = save(make_soft(640, 480), tmp_path / "photo.jpg")

    outcome = await render(cage, source, [make_spec(source, ImageFormat.WEBP, box(320))], wants_verdict=False)

    assert [type(answer) for answer in outcome.answers] == [Rendered]


async def test_an_animation_that_is_known_is_not_judged_again(cage: Cage, tmp_path: Path) -> None:
    frames = [make_soft(64, 48, seed=seed) for seed in range(3)]
    source = save(frames[0], tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=40)
    moving = make_spec(source, ImageFormat.WEBP, box(32), is_animated=True)

    outcome = await render(cage, source, [moving], wants_verdict=False)

    assert [type(answer) for answer in outcome.answers] == [Rendered]
