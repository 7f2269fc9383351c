"""Blur, sharpening, colour, turning and backgrounds of free transformations, against numpy and Pillow."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget
from app.domain.transform_geometry import plan_transform
from app.domain.transforms import OtherFit, Transform
from app.domain.variants import Fit
from app.rendering.ordering import order_transform
from app.rendering.protocol import RenderSpec
from app.rendering.sandbox import Cage
from tests.support.render_fixture import read_facts, render
from tests.support.render_inputs import RED, Pixels, make_quarters, make_soft, open_rgb, psnr, resize_exactly, save

pytestmark = pytest.mark.asyncio(loop_scope="session")

STILL_CODECS = (ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF)
LUMA = np.array([0.2126, 0.7152, 0.0722])


def order(source: Path, transform: Transform, codec: ImageFormat = ImageFormat.PNG, key: str = "made") -> RenderSpec:
    facts = read_facts(source)
    geometry = plan_transform(transform, *facts.displayed_size)
    return order_transform(key, transform, codec, geometry, may_move=facts.may_move(Budget()))


def blur_exactly(pixels: Pixels, sigma: float) -> Pixels:
    """A Gaussian in floating point; what lies beyond the edge is like the edge."""
    return _blur_rows(_blur_rows(pixels, sigma).swapaxes(0, 1), sigma).swapaxes(0, 1)


def _blur_rows(pixels: Pixels, sigma: float) -> Pixels:
    reach = int(5 * sigma) + 1
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    padded = np.pad(pixels, ((reach, reach), (0, 0), (0, 0)), mode="edge")
    height = pixels.shape[0]
    return sum((weight * padded[start : start + height] for start, weight in enumerate(weights)), np.zeros_like(pixels))


@pytest.mark.parametrize(("sigma", "least_db"), [(0.5, 48), (1, 48), (2.5, 48), (5, 48), (12, 48), (40, 45), (250, 30)])
async def test_blur_is_a_gaussian_of_that_deviation(cage: Cage, tmp_path: Path, sigma: float, least_db: float) -> None:
    # The largest is wider than the picture: how edges are continued is all that is left of it.
    picture = make_soft(300, 200)
    source = save(picture, tmp_path / "picture.png")

    outcome = await render(cage, source, [order(source, Transform(blur=sigma))])

    assert psnr(open_rgb(outcome.only_file), blur_exactly(np.asarray(picture, np.float64), sigma)) >= least_db


@pytest.mark.parametrize("sigma", [1.5, 6.0])
async def test_blur_lets_no_hidden_colour_out_of_transparent_pixels(cage: Cage, tmp_path: Path, sigma: float) -> None:
    picture = Image.new("RGBA", (60, 60), (0, 255, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 30, 60))
    source = save(picture, tmp_path / "half.png")

    outcome = await render(cage, source, [order(source, Transform(blur=sigma))])

    pixels = open_rgba(outcome.only_file)
    seen = pixels[pixels[..., 3] > 8]
    assert seen[:, 0].min() >= 250
    assert seen[:, 1].max() <= 5
    # Half of each lies on the edge, as a Gaussian has it.
    assert abs(pixels[30, 29:31, 3].mean() - 127.5) <= 4


@pytest.mark.parametrize("strength", [0.5, 1.0, 4.0, 10.0])
async def test_sharpening_adds_what_a_slight_blur_takes(cage: Cage, tmp_path: Path, strength: float) -> None:
    # So grey that nothing is clipped.
    pixels = 128 + (np.asarray(make_soft(120, 90), np.float64) - 128) * 0.2
    picture = Image.fromarray(pixels.round().astype(np.uint8))
    source = save(picture, tmp_path / "picture.png")

    outcome = await render(cage, source, [order(source, Transform(sharpen=strength))])

    exact = np.asarray(picture, np.float64)
    sharpened = exact + strength * (exact - blur_exactly(exact, 0.5))
    assert psnr(open_rgb(outcome.only_file), sharpened) >= 43


async def test_grayscale_is_the_luma_of_each_pixel(cage: Cage, tmp_path: Path) -> None:
    picture = make_soft(80, 60)
    source = save(picture, tmp_path / "picture.png")
    specs = [order(source, Transform(is_grayscale=True), codec, codec.value) for codec in STILL_CODECS]

    outcome = await render(cage, source, specs)

    luma = (np.asarray(picture, np.float64) @ LUMA)[..., np.newaxis].repeat(3, axis=-1)
    for codec in STILL_CODECS:
        pixels = open_rgb(outcome.files[codec.value])
        assert np.ptp(pixels, axis=-1).max() <= 3, codec
        assert psnr(pixels, luma) >= (50 if codec is ImageFormat.PNG else 28), codec


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
async def test_a_picture_is_mirrored_and_then_rotated(
    cage: Cage, tmp_path: Path, rotate: int, is_mirrored: bool
) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (20, 31, 3), np.uint8)
    source = save(Image.fromarray(pixels), tmp_path / "noise.png")

    outcome = await render(cage, source, [order(source, Transform(rotate=rotate, is_mirrored=is_mirrored))])

    flipped = pixels[:, ::-1] if is_mirrored else pixels
    assert np.array_equal(open_rgb(outcome.only_file), np.rot90(flipped, -rotate // 90))


@pytest.mark.parametrize("fit", [Fit.SCALE_DOWN, Fit.CONTAIN, Fit.COVER, Fit.CROP, Fit.PAD, *OtherFit])
async def test_the_box_is_that_of_the_rotated_picture(cage: Cage, tmp_path: Path, fit: Fit | OtherFit) -> None:
    picture = make_soft(300, 200)
    source = save(picture, tmp_path / "lying.png")
    turned = save(picture.transpose(Image.Transpose.ROTATE_270), tmp_path / "standing.png")
    box = Transform(90, 120, fit)

    rotated = await render(cage, source, [order(source, replace(box, rotate=90))])
    plain = await render(cage, turned, [order(turned, box)])

    pixels, expected = open_rgb(rotated.only_file), open_rgb(plain.only_file)
    assert pixels.shape == expected.shape
    # A middle between two pixels may be rounded the other way.
    assert max(psnr(np.roll(pixels, shift, axis=(0, 1)), expected) for shift in [(0, 0), (0, 1), (1, 0)]) >= 30


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
async def test_the_focal_point_is_one_of_the_picture_before_it_is_rotated(
    cage: Cage, tmp_path: Path, rotate: int
) -> None:
    source = save(make_quarters(200, 40), tmp_path / "quarters.png")
    transform = Transform(20, 20, Fit.COVER, focal_x=0, focal_y=0.5, rotate=rotate)

    outcome = await render(cage, source, [order(source, transform)])

    # Red and blue are on the left, whichever way that is turned afterwards.
    colors = {tuple(color) for color in open_rgb(outcome.only_file).reshape(-1, 3).tolist()}
    assert (220, 30, 30) in colors
    assert (30, 180, 40) not in colors


async def test_squeeze_distorts_and_aspect_crop_cuts(cage: Cage, tmp_path: Path) -> None:
    picture = make_soft(612, 613)
    source = save(picture, tmp_path / "picture.png")
    squeezed = order(source, Transform(200, 100, OtherFit.SQUEEZE), key="squeezed")
    cut = order(source, Transform(1920, 1120, OtherFit.ASPECT_CROP), key="cut")

    outcome = await render(cage, source, [squeezed, cut])

    pixels = np.asarray(picture, np.float64)
    assert psnr(open_rgb(outcome.files["squeezed"]), np.clip(resize_exactly(pixels, 200, 100), 0, 255)) >= 40
    # Cloudflare's own example.
    assert open_rgb(outcome.files["cut"]).shape == (357, 612, 3)
    assert np.array_equal(open_rgb(outcome.files["cut"]), pixels[128:485])


async def test_dpr_multiplies_the_box_and_enlarges_no_more_than_the_fit(cage: Cage, tmp_path: Path) -> None:
    source = save(make_soft(300, 200), tmp_path / "picture.png")
    boxes = [(Fit.SCALE_DOWN, 2), (Fit.COVER, 1.5), (Fit.SCALE_DOWN, 3), (Fit.COVER, 3)]
    specs = [order(source, Transform(120, 120, fit, dpr=dpr), key=f"{fit}-{dpr}") for fit, dpr in boxes]

    outcome = await render(cage, source, specs)

    sizes = {key: open_rgb(path).shape[1::-1] for key, path in outcome.files.items()}
    assert sizes == {
        "scale-down-2": (240, 160),
        "cover-1.5": (180, 180),
        "scale-down-3": (300, 200),
        "cover-3": (360, 360),
    }


async def test_padding_lets_through_what_its_colour_does(cage: Cage, tmp_path: Path) -> None:
    source = save(Image.new("RGB", (40, 20), (10, 20, 30)), tmp_path / "plain.png")
    transform = Transform(40, 40, Fit.PAD, background="#ff000080")
    specs = [order(source, transform, codec, codec.value) for codec in (ImageFormat.PNG, ImageFormat.JPEG)]

    outcome = await render(cage, source, specs)

    pixels = open_rgba(outcome.files["png"])
    assert tuple(pixels[2, 2]) == (255, 0, 0, 128)
    assert tuple(pixels[20, 20]) == (10, 20, 30, 255)
    # Paper is white.
    assert np.abs(open_rgb(outcome.files["jpeg"])[2, 2] - (255, 127, 127)).max() <= 3


@pytest.mark.parametrize("codec", [ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.JPEG])
async def test_a_background_lies_behind_all_transparency(cage: Cage, tmp_path: Path, codec: ImageFormat) -> None:
    picture = Image.new("RGBA", (40, 40), (0, 0, 255, 0))
    picture.paste((200, 0, 0, 128), (0, 0, 40, 20))
    source = save(picture, tmp_path / "clear.png")

    outcome = await render(cage, source, [order(source, Transform(background="#00ff00"), codec)])

    pixels = open_rgba(outcome.only_file)
    assert pixels[..., 3].min() == 255
    assert np.abs(pixels[10, 20, :3] - (100, 127, 0)).max() <= 6
    assert np.abs(pixels[30, 20, :3] - (0, 255, 0)).max() <= 6


async def test_a_clear_background_leaves_what_is_clear(cage: Cage, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (40, 20), (0, 0, 255, 0))
    picture.paste((200, 0, 0, 255), (0, 0, 20, 20))
    source = save(picture, tmp_path / "clear.png")

    outcome = await render(cage, source, [order(source, Transform(40, 40, Fit.PAD, background="transparent"))])

    pixels = open_rgba(outcome.only_file)
    assert tuple(pixels[20, 5]) == (200, 0, 0, 255)
    assert not pixels[20, 35, 3]
    assert not pixels[:10, :, 3].any()


@pytest.mark.parametrize("codec", [ImageFormat.GIF, ImageFormat.WEBP])
async def test_every_frame_of_an_animation_is_transformed(cage: Cage, tmp_path: Path, codec: ImageFormat) -> None:
    frames = [make_quarters(60, 40).rotate(180 * index) for index in range(2)]
    source = tmp_path / "film.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100, loop=0)
    transform = Transform(20, 30, is_grayscale=True, rotate=90, blur=0.5)

    outcome = await render(cage, source, [order(source, transform, codec)])

    with Image.open(outcome.only_file) as film:
        assert film.size == (20, 30)
        assert getattr(film, "n_frames", 1) == 2
        for index in range(2):
            film.seek(index)
            pixels = np.asarray(film.convert("RGB"), np.float64)
            assert np.ptp(pixels, axis=-1).max() <= 3
            # The first frame's red quarter, top left, comes to the top right; in the second it is white.
            assert abs(pixels[7, 15].mean() - (241 if index else np.dot(RED, LUMA))) <= 6


async def test_a_still_is_made_of_an_animation_where_that_is_wished(cage: Cage, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (30, 20), color) for color in ((200, 0, 0), (0, 200, 0))]
    source = tmp_path / "film.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100, loop=0)

    outcome = await render(cage, source, [order(source, Transform(is_animated=False), ImageFormat.WEBP)])

    with Image.open(outcome.only_file) as picture:
        assert getattr(picture, "n_frames", 1) == 1
        assert np.abs(np.asarray(picture.convert("RGB"), np.float64) - (200, 0, 0)).max() <= 3


async def test_webp_of_the_best_quality_loses_nothing(cage: Cage, tmp_path: Path) -> None:
    picture = make_soft(64, 48)
    source = save(picture, tmp_path / "picture.png")

    outcome = await render(cage, source, [order(source, Transform(quality=100), ImageFormat.WEBP)])

    assert np.array_equal(open_rgb(outcome.only_file), np.asarray(picture))


@pytest.mark.full("twenty megapixels; each effect by itself is in make test")
async def test_the_strongest_effects_on_a_large_picture_stay_within_the_cage(cage: Cage, tmp_path: Path) -> None:
    source = save(Image.effect_noise((5000, 4000), 80).convert("RGB"), tmp_path / "large.jpg", quality=80)
    transform = Transform(blur=250, sharpen=10, is_grayscale=True, rotate=90)

    outcome = await render(cage, source, [order(source, transform, ImageFormat.JPEG)])

    assert open_rgb(outcome.only_file).shape == (5000, 4000, 3)


def open_rgba(path: Path) -> npt.NDArray[np.float64]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"), np.float64)
