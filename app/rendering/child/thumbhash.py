"""ThumbHash: a picture in about 25 bytes, after Evan Wallace's public description of the format.

Written here because the package of that name on PyPI fails on every picture with transparency (0.1.2).
"""

import math
from dataclasses import dataclass

_MAX_SIDE_PX = 100
_BITS_5, _BITS_6 = 31, 63


@dataclass(frozen=True, slots=True)
class _Channel:
    """A channel as a cosine transform: mean, the lowest frequencies from 0 to 1, and what 1 stands for."""

    mean: float
    waves: list[float]
    scale: float


def encode_thumbhash(width_px: int, height_px: int, rgba: bytes) -> bytes:
    """Hash at most 100×100 pixels of straight (not premultiplied) RGBA.

    Raises:
        ValueError: the raster is larger, or not of the size it is said to be.
    """
    if max(width_px, height_px) > _MAX_SIDE_PX or len(rgba) != 4 * width_px * height_px:
        raise ValueError("a ThumbHash is made of at most 100×100 RGBA pixels")
    luma, yellow_blue, red_green, alpha = _split_channels(rgba)
    has_alpha = min(alpha) < 1
    longer_side = max(width_px, height_px)
    most = 5 if has_alpha else 7  # transparency takes some of the bits
    columns, rows = (max(1, round(most * side / longer_side)) for side in (width_px, height_px))
    size = (width_px, height_px)
    light = _transform(luma, size, max(3, columns), max(3, rows))
    yellow, red = (_transform(channel, size, 3, 3) for channel in (yellow_blue, red_green))
    is_landscape = width_px > height_px
    header = (
        round(_BITS_6 * light.mean)
        | round(31.5 + 31.5 * yellow.mean) << 6
        | round(31.5 + 31.5 * red.mean) << 12
        | round(_BITS_5 * light.scale) << 18
        | has_alpha << 23
    )
    shape = (
        (rows if is_landscape else columns)
        | round(_BITS_6 * yellow.scale) << 3
        | round(_BITS_6 * red.scale) << 9
        | is_landscape << 15
    )
    result = header.to_bytes(3, "little") + shape.to_bytes(2, "little")
    waves = light.waves + yellow.waves + red.waves
    if has_alpha:
        veil = _transform(alpha, size, 5, 5)
        result += bytes([round(15 * veil.mean) | round(15 * veil.scale) << 4])
        waves += veil.waves
    return result + _pack_nibbles(waves)


def _split_channels(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Luminance, yellow minus blue, red minus green and alpha, laid over the picture's mean colour."""
    alpha = [value / 255 for value in rgba[3::4]]
    total = sum(alpha) or 1.0
    over = []
    for plane in (rgba[0::4], rgba[1::4], rgba[2::4]):
        mean = sum(value * a for value, a in zip(plane, alpha, strict=True)) / 255 / total
        over.append([mean * (1 - a) + value * a / 255 for value, a in zip(plane, alpha, strict=True)])
    pixels = list(zip(*over, strict=True))
    luma = [(r + g + b) / 3 for r, g, b in pixels]
    return luma, [(r + g) / 2 - b for r, g, b in pixels], [r - g for r, g, _ in pixels], alpha


def _transform(channel: list[float], size: tuple[int, int], columns: int, rows: int) -> _Channel:
    width, height = size
    across = _cosines(width, columns)
    down = _cosines(height, rows)
    lines = [channel[y * width : (y + 1) * width] for y in range(height)]
    # First along the lines, then down: the product of cosines lets the sums be taken one after the other.
    along = [[sum(map(float.__mul__, line, wave)) for line in lines] for wave in across]
    mean, waves = 0.0, []
    for row in range(rows):
        column = 0
        while column * rows < columns * (rows - row):  # only the low frequencies, a triangle of them
            value = sum(map(float.__mul__, along[column], down[row])) / (width * height)
            if row or column:
                waves.append(value)
            else:
                mean = value
            column += 1
    scale = max(map(abs, waves), default=0.0)
    return _Channel(mean, [0.5 + 0.5 * wave / scale for wave in waves] if scale else waves, scale)


def _cosines(side_px: int, count: int) -> list[list[float]]:
    return [[math.cos(math.pi / side_px * n * (i + 0.5)) for i in range(side_px)] for n in range(count)]


def _pack_nibbles(waves: list[float]) -> bytes:
    nibbles = [round(15 * wave) for wave in waves]
    nibbles += [0] * (len(nibbles) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
