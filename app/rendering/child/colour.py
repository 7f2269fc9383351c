"""Whatever a picture's colours are given in, they become sRGB."""

from wand.exceptions import WandException
from wand.image import Image

from app.rendering.child.icc import color_space as profile_space
from app.rendering.child.icc import is_srgb, make_srgb_profile
from app.rendering.child.magick import apply_profile, color_space, convert_color_space

SRGB_PROFILE = make_srgb_profile()

# Which profiles fit which pixels: a grey picture with a profile for colours is common, and must not be converted by it.
_FITTING = {"srgb": b"RGB ", "cmyk": b"CMYK", "gray": b"GRAY"}


def needs_conversion(image: Image) -> bool:
    """Are the pixels anything else than sRGB or plain grey?"""
    space = color_space(image)
    return space not in {"srgb", "gray"} or _foreign_profile(image, space) is not None


def convert_to_srgb(image: Image) -> None:
    """Convert the pixels in place; costs 110 ns a pixel where there is a foreign profile, so use small rasters.

    Grey stays grey. A profile that does not fit its pixels, or is broken, is ignored, as browsers do.

    Raises:
        WandException: memory ran out.
    """
    space = color_space(image)
    if _foreign_profile(image, space) is not None:
        try:
            apply_profile(image, SRGB_PROFILE)
        except WandException:
            del image.profiles["icc"]
        else:
            return
    if space not in {"srgb", "gray"}:
        convert_color_space(image, "srgb")


def _foreign_profile(image: Image, space: str) -> bytes | None:
    profile = image.profiles.get("icc")
    if not profile or profile_space(profile) != _FITTING.get(space) or is_srgb(profile):
        return None
    return bytes(profile)
