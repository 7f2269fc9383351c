"""Pixels of libheif as an image of ImageMagick."""

from wand.image import Image

from app.rendering.child.heif import HEIFPixels
from app.rendering.child.magick import attach_profile, import_rows


def import_heif(pixels: HEIFPixels) -> Image:
    """Copy the pixels, with straight alpha and the colour profile attached.

    Raises:
        WandException: memory ran out.
    """
    channels = "RGBA" if pixels.has_alpha else "RGB"
    image = _divide_by_alpha(pixels) if pixels.is_premultiplied else _import(pixels, channels)
    if pixels.profile:
        attach_profile(image, "icc", pixels.profile)
    return image


def _divide_by_alpha(pixels: HEIFPixels) -> Image:
    image = _import(pixels, "RGBP")
    with _import(pixels, "PPPI") as alpha:
        image.composite(alpha, operator="divide_src")
        image.alpha_channel = "set"
        image.composite(alpha, operator="copy_opacity")
    return image


def _import(pixels: HEIFPixels, channels: str) -> Image:
    image = Image(width=pixels.width_px, height=pixels.height_px, background="#000000")
    image.format = "PNG"
    import_rows(image, pixels.rows(), channels, is_deep=pixels.bits > 8)
    return image
