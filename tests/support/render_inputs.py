"""Pictures made in code, and what an independent decoder (Pillow) sees in the results."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.float64]
Color = tuple[int, ...]

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 40), (40, 50, 200), (240, 240, 240)
ORIENTATION_TAG = 0x0112

# Where the four corners (top left, top right, bottom left, bottom right) of an upright picture lie in the stored one.
STORED_CORNERS = {
    1: (0, 1, 2, 3),
    2: (1, 0, 3, 2),
    3: (3, 2, 1, 0),
    4: (2, 3, 0, 1),
    5: (0, 2, 1, 3),
    6: (2, 0, 3, 1),
    7: (3, 1, 2, 0),
    8: (1, 3, 0, 2),
}


def make_quarters(width: int, height: int, colors: tuple[Color, ...] = (RED, GREEN, BLUE, WHITE)) -> Image.Image:
    """A picture of four plain quarters, in reading order."""
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for index, color in enumerate(colors):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        draw.rectangle((left, top, left + width // 2, top + height // 2), fill=color)
    return picture


def make_detailed(width: int, height: int, *, seed: int = 7) -> Image.Image:
    """Something like a photograph: smooth areas, edges and fine texture."""
    return _draw(width, height, lambda phase: np.asarray(30 * (phase > 0.085), np.float64), grain=6, seed=seed)


def make_soft(width: int, height: int, *, seed: int = 7) -> Image.Image:
    """The same with edges as a lens draws them and little grain."""

    def stripes(phase: Pixels) -> Pixels:
        return np.asarray(15 * np.clip((phase - 0.085) * max(width, height) / 3, -1, 1), np.float64)

    return _draw(width, height, stripes, grain=2, seed=seed)


def _draw(width: int, height: int, stripes: Callable[[Pixels], Pixels], *, grain: float, seed: int = 7) -> Image.Image:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    layers = []
    for shift in (0.0, 1.3, 2.1):
        wave = np.sin(9 * x + shift) * np.cos(7 * y - shift) + 0.4 * np.sin(60 * (x * y) + shift)
        layers.append(128 + 55 * wave + stripes((x + y * 0.7) % 0.17))
    texture = random.normal(0, grain, (height, width, 1))
    return Image.fromarray(np.clip(np.stack(layers, axis=-1) + texture, 0, 255).astype(np.uint8))


def make_noise(width: int, height: int) -> Image.Image:
    """What encoders hate most."""
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8))


def save(picture: Image.Image, path: Path, **options: object) -> Path:
    """Write with Pillow; the format is the path's extension."""
    picture.save(path, **options)  # type: ignore[arg-type]  # Pillow types no format's own options
    return path


def exif_with(tags: dict[int, object]) -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    return exif.tobytes()


def open_rgb(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.float64)


def corner_colors(path: Path) -> list[Color]:
    """The colours in the middle of the four quarters, in reading order."""
    pixels = open_rgb(path)
    height, width = pixels.shape[:2]
    points = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    points += [(3 * height // 4, column) for _, column in points]
    return [tuple(round(float(value)) for value in pixels[point]) for point in points]


def mean_of(path: Path) -> Color:
    return tuple(round(float(value)) for value in open_rgb(path).mean(axis=(0, 1)))


def is_near(first: Color, second: Color, *, within: int) -> bool:
    return all(abs(a - b) <= within for a, b in zip(first[:3], second[:3], strict=True))


def resize_exactly(pixels: Pixels, width: int, height: int) -> Pixels:
    """The reference: a Lanczos-3 reduction in floating point, without any rounding on the way."""
    return _reduce(_reduce(pixels, height).transpose(1, 0, 2), width).transpose(1, 0, 2)


def _reduce(pixels: Pixels, target: int) -> Pixels:
    source = pixels.shape[0]
    ratio = source / target
    reach = 3 * max(1.0, ratio)
    result = np.empty((target, *pixels.shape[1:]))
    for index in range(target):
        center = (index + 0.5) * ratio
        taps = np.arange(max(0, int(center - reach)), min(source, int(center + reach) + 1))
        distance = (taps + 0.5 - center) / max(1.0, ratio)
        weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
        result[index] = np.tensordot(weights / weights.sum(), pixels[taps], axes=1)
    return result


def psnr(first: Pixels, second: Pixels) -> float:
    error = float(np.mean((first - second) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def ssim(first: Pixels, second: Pixels) -> float:
    """Structural similarity of the luminance over windows of 8×8 pixels."""
    a, b = first @ [0.299, 0.587, 0.114], second @ [0.299, 0.587, 0.114]
    mean_a, mean_b = _window_means(a), _window_means(b)
    var_a, var_b = _window_means(a * a) - mean_a**2, _window_means(b * b) - mean_b**2
    shared = _window_means(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * shared + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def _window_means(values: Pixels) -> Pixels:
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    result: Pixels = (total[8:, 8:] - total[:-8, 8:] - total[8:, :-8] + total[:-8, :-8]) / 64
    return result


def png_bytes(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
