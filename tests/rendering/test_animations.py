"""Animations keep moving: every frame, its time, the number of loops; stills show the first frame."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from app.domain.formats import ImageFormat
from app.domain.variants import Fit
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, render
from tests.support.render_inputs import BLUE, GREEN, RED, Color, is_near, save

pytestmark = pytest.mark.asyncio(loop_scope="session")

COLORS = (RED, GREEN, BLUE)
DURATIONS_MS = (100, 250, 400)


def make_film(path: Path, *, loops: int | None = 0, size: tuple[int, int] = (90, 60)) -> Path:
    frames = [Image.new("RGB", size, color) for color in COLORS]
    for index, frame in enumerate(frames):  # something that stands still and something that moves
        frame.paste((255, 255, 255), (10 * index, 10, 10 * index + 10, 20))
    options: dict[str, object] = {} if loops is None else {"loop": loops}
    return save(frames[0], path, save_all=True, append_images=frames[1:], duration=list(DURATIONS_MS), **options)


def read_film(path: Path) -> tuple[list[Color], list[int], int | None]:
    """The colour of each frame at its lower right, its time, and the number of plays (0: without end)."""
    colors, durations = [], []
    with Image.open(path) as film:
        for frame in ImageSequence.Iterator(film):
            rgb = frame.convert("RGB")
            pixel = rgb.getpixel((rgb.width - 4, rgb.height - 4))
            assert isinstance(pixel, tuple)
            colors.append(pixel)
            frame.load()
            durations.append(int(frame.info["duration"]))
        return colors, durations, film.info.get("loop")


@pytest.mark.parametrize("codec", [ImageFormat.WEBP, ImageFormat.GIF])
@pytest.mark.parametrize("extension", ["gif", "webp"])
async def test_frames_and_times_are_kept(cage: Cage, tmp_path: Path, extension: str, codec: ImageFormat) -> None:
    source = make_film(tmp_path / f"film.{extension}")
    specs = [
        make_spec(source, codec, box(45), is_animated=True),
        make_spec(source, codec, box(40, 40, Fit.COVER), is_animated=True),
        make_spec(source, codec, box(60, 60, Fit.PAD), is_animated=True),
    ]

    outcome = await render(cage, source, specs)

    assert not outcome.failures
    for spec in specs:
        colors, durations, plays = read_film(outcome.files[spec.key])
        with Image.open(outcome.files[spec.key]) as film:
            assert film.size == spec.geometry.final
        assert durations == list(DURATIONS_MS)
        assert plays == 0
        if spec.geometry.scaled == spec.geometry.final:
            assert all(is_near(got, want, within=20) for got, want in zip(colors, COLORS, strict=True)), colors


@pytest.mark.parametrize("loops", [None, 3])
async def test_the_number_of_loops_is_kept(cage: Cage, tmp_path: Path, loops: int | None) -> None:
    # GIF counts the repeats, WebP the plays. ImageMagick 6.9.11 writes a WebP that plays once as a still.
    source = make_film(tmp_path / "film.gif", loops=loops)
    spec = make_spec(source, ImageFormat.WEBP, box(45), is_animated=True)

    outcome = await render(cage, source, [spec])

    colors, _, plays = read_film(outcome.only_file)
    assert len(colors) == 3
    assert plays == (1 if loops is None else loops + 1)


async def test_stills_show_the_first_frame_beside_the_moving_file(cage: Cage, tmp_path: Path) -> None:
    source = make_film(tmp_path / "film.gif")
    moving = make_spec(source, ImageFormat.WEBP, box(45), is_animated=True)
    stills = [make_spec(source, codec, box(30)) for codec in (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.AVIF)]

    outcome = await render(cage, source, [moving, *stills, replace(moving, key="still", is_animated=False)])

    for spec in stills:
        with Image.open(outcome.files[spec.key]) as picture:
            assert getattr(picture, "n_frames", 1) == 1
            pixel = picture.convert("RGB").getpixel((26, 16))
            assert isinstance(pixel, tuple)
            assert is_near(pixel, RED, within=20)
    assert len(read_film(outcome.files[moving.key])[0]) == 3
    with Image.open(outcome.files["still"]) as picture:
        assert getattr(picture, "n_frames", 1) == 1


async def test_a_first_frame_smaller_than_the_screen_is_laid_on_it(cage: Cage, tmp_path: Path) -> None:
    with (tmp_path / "small.gif").open("wb") as file:
        # A screen of 20×10 with one frame of 2×2 at (4, 4): header, palette, frame, LZW of four pixels.
        file.write(b"GIF89a\x14\0\x0a\0\x80\0\0\xff\0\0\0\0\xff")
        file.write(b"\x2c\x04\0\x04\0\x02\0\x02\0\0\x02\x03\x44\x02\x05\0\x3b")
    source = tmp_path / "small.gif"

    outcome = await render(cage, source, [make_spec(source, ImageFormat.PNG, box(20))])

    with Image.open(outcome.only_file) as picture:
        assert picture.size == (20, 10)
        rgba = picture.convert("RGBA")
        assert rgba.getchannel("A").getpixel((0, 0)) == 0
        assert rgba.getpixel((4, 4)) == (255, 0, 0, 255)


async def test_many_frames_are_all_kept(cage: Cage, tmp_path: Path) -> None:
    wanted = [(index * 83 % 256, index * 151 % 256, 128) for index in range(160)]
    frames = [Image.new("RGB", (100, 100), color) for color in wanted]
    source = tmp_path / "film.gif"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=40, loop=0)

    outcome = await render(cage, source, [make_spec(source, ImageFormat.WEBP, box(50), is_animated=True)])

    colors, durations, _ = read_film(outcome.only_file)
    assert durations == [40] * 160
    assert all(is_near(got, want, within=20) for got, want in zip(colors, wanted, strict=True))
