"""AVIF and HEIC: alpha, colour profiles and CICP numbers reach every variant."""

from pathlib import Path

import pytest
from PIL import Image

from app.domain.formats import ImageFormat
from app.rendering.sandbox import Cage
from tests.support.render_fixture import box, make_spec, render

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOUND = Path(__file__).with_name("found")
ORANGE = (215, 93, 32)
WITH_ALPHA = (ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)


async def show(cage: Cage, source: Path, codec: ImageFormat, width_px: int) -> Image.Image:
    outcome = await render(cage, source, [make_spec(source, codec, box(width_px), quality=95)])
    return Image.open(outcome.only_file)


def put(name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes((FOUND / name).read_bytes())
    return path


def is_near(color: object, wanted: tuple[int, ...], tolerance: int = 3) -> bool:
    assert isinstance(color, tuple)
    return all(abs(a - b) <= tolerance for a, b in zip(color, wanted, strict=True))


@pytest.mark.parametrize("codec", WITH_ALPHA)
async def test_alpha_is_kept(cage: Cage, tmp_path: Path, codec: ImageFormat) -> None:
    shown = await show(cage, put("alpha.avif", tmp_path), codec, 400)
    alpha = shown.convert("RGBA").getchannel("A").tobytes()
    assert abs(alpha[150 * 400 + 200] - 128) <= 2
    assert alpha[0] < 8


async def test_a_jpeg_lies_on_white(cage: Cage, tmp_path: Path) -> None:
    shown = await show(cage, put("alpha.avif", tmp_path), ImageFormat.JPEG, 400)
    assert is_near(shown.convert("RGB").getpixel((200, 0)), (255, 255, 255), 6)


@pytest.mark.parametrize("is_premultiplied", [False, True])
async def test_premultiplied_alpha_is_undone(cage: Cage, tmp_path: Path, is_premultiplied: bool) -> None:
    source = tmp_path / "half.avif"
    picture = Image.new("RGBA", (64, 64), (200, 100, 40, 128))
    picture.save(source, "AVIF", quality=100, alpha_premultiplied=is_premultiplied)
    shown = await show(cage, source, ImageFormat.PNG, 64)
    assert is_near(shown.convert("RGBA").getpixel((32, 32)), (200, 100, 40, 128), 4)


@pytest.mark.parametrize("name", ["p3.heic", "p3_nclx.avif"])
@pytest.mark.parametrize("codec", [ImageFormat.JPEG, *WITH_ALPHA])
async def test_display_p3_becomes_srgb(cage: Cage, tmp_path: Path, name: str, codec: ImageFormat) -> None:
    shown = await show(cage, put(name, tmp_path), codec, 300)
    assert is_near(shown.convert("RGB").getpixel((175, 100)), ORANGE, 4 if codec is ImageFormat.WEBP else 2)


@pytest.mark.parametrize(
    ("transfer", "signal", "wanted"),
    [
        pytest.param(16, 148, 240, id="PQ: diffuse white of 203 nits is bright and not clipped"),
        pytest.param(16, 255, 255, id="PQ: peak"),
        pytest.param(16, 112, 135, id="PQ: 49 nits stay a quarter of white"),
        pytest.param(18, 191, 240, id="HLG: diffuse white at 75 percent"),
        pytest.param(18, 255, 255, id="HLG: peak"),
    ],
)
async def test_hdr_is_mapped_to_sdr(cage: Cage, tmp_path: Path, transfer: int, signal: int, wanted: int) -> None:
    source = tmp_path / "hdr.avif"
    Image.new("RGB", (64, 64), (signal,) * 3).save(source, "AVIF", quality=100)
    content = source.read_bytes()
    start = content.index(b"nclx") + 4
    numbers = (9).to_bytes(2) + transfer.to_bytes(2)
    source.write_bytes(content[:start] + numbers + content[start + 4 :])
    shown = await show(cage, source, ImageFormat.PNG, 64)
    assert is_near(shown.convert("RGB").getpixel((32, 32)), (wanted,) * 3, 6)
