"""What happens to a raster between its resize and its encoder: blur, sharpening, colour, turning, the background."""

import math

from wand.image import Image

from app.domain.formats import ImageFormat
from app.rendering.child.geometry import Size
from app.rendering.child.magick import convert_color_space
from app.rendering.child.raster import pad, turn_upright
from app.rendering.protocol import RenderSpec

_HAS_ALPHA = frozenset({ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.GIF, ImageFormat.HEIC})

# The variances of averaging a square of pixels and of a cubic B-spline between them, in squares of small pixels.
_DETOUR_VARIANCE = 1 / 12 + 1 / 3

_SHARPEN_SIGMA, _SHARPEN_RADIUS_PX = 0.5, 2
"""Narrow, so that edges get no halo; 1 is right for a picture that was made smaller."""

_CLEAR = "#00000000"
_OPAQUE_CHARACTERS = len("#rrggbb")


def finish(image: Image, spec: RenderSpec) -> None:
    """Do in place all that a file wants beyond its raster, in this order, padding and background last.

    Raises:
        WandException: memory ran out.
    """
    if spec.blur:
        _blur(image, spec.blur)
    if spec.sharpen:
        image.unsharp_mask(_SHARPEN_RADIUS_PX, _SHARPEN_SIGMA, spec.sharpen, 0, channel=_channels(image))
    if spec.is_grayscale:
        convert_color_space(image, "gray")
        # Three equal channels, as whatever follows expects sRGB.
        convert_color_space(image, "srgb")
    if spec.turn != 1:
        turn_upright(image, spec.turn)
    _put_background(image, spec)


def _put_background(image: Image, spec: RenderSpec) -> None:
    has_alpha = spec.codec in _HAS_ALPHA
    background = spec.background if has_alpha else _over_white(spec.background)
    is_seen_through = image.alpha_channel and (spec.is_opaque or not has_alpha)
    if image.size != spec.size_px:
        # One that lets something through must not lie behind the picture twice.
        pad(image, spec.size_px, _CLEAR if is_seen_through else background)
    if is_seen_through:
        _lay_on(image, background)


def small_size(size: Size, sigma: float) -> Size:
    """How small a raster is made before it is blurred: a Gaussian leaves nothing that this would lose.

    A convolution's time grows with sigma: 0.15 s a megapixel at 3, 4 s at 100. With the root of sigma as divisor, what
    is left to convolve takes ever less, and 0.06 s a megapixel go to resizing.
    """
    divisor = max(1, round(math.sqrt(sigma)))
    return max(1, round(size[0] / divisor)), max(1, round(size[1] / divisor))


def _blur(image: Image, sigma: float) -> None:
    size = image.size
    small = small_size(size, sigma)
    if small != size:
        image.resize(*small, filter="box")
        # Sides of few pixels are rounded more, each its own way.
        divisor = math.sqrt(size[0] * size[1] / (small[0] * small[1]))
        sigma = math.sqrt(max(0.25, (sigma / divisor) ** 2 - _DETOUR_VARIANCE))
    image.blur(0, sigma, channel=_channels(image))
    if small != size:
        image.resize(*size, filter="spline")


def _channels(image: Image) -> str:
    # Without alpha among them, transparent pixels would bleed their hidden colours.
    return "all_channels" if image.alpha_channel else "default_channels"


def _over_white(color: str) -> str:
    """A colour that lets something through, on white paper."""
    if len(color) == _OPAQUE_CHARACTERS:
        return color
    *channels, alpha = bytes.fromhex(color[1:])
    return "#" + bytes(round(255 + (channel - 255) * alpha / 255) for channel in channels).hex()


def _lay_on(image: Image, background: str) -> None:
    """Put the background behind the picture; what is opaque then has no alpha channel any more."""
    if len(background) == _OPAQUE_CHARACTERS:
        image.background_color = background
        image.alpha_channel = "remove"
        image.alpha_channel = "off"
        return
    with Image(width=image.width, height=image.height, background=background) as ground:
        image.composite(ground, 0, 0, operator="dst_over")
