"""What can be made of a picture: families, presets, fits, and how large each result is."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from app.domain.formats import EXTENSIONS, FORMATS_BY_EXTENSION, ImageFormat


class Family(StrEnum):
    """What a variant is encoded as; the value stands in paths."""

    ORIGINAL = "original"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"


class VariantState(StrEnum):
    """Where a variant is on its way. PLANNED → RENDERING → READY or FAILED; a lost lease leads back to PLANNED."""

    PLANNED = "planned"
    RENDERING = "rendering"
    READY = "ready"
    FAILED = "failed"


class Fit(StrEnum):
    """How a picture fills its box, as Cloudflare Images documents it."""

    SCALE_DOWN = "scale-down"
    CONTAIN = "contain"
    COVER = "cover"
    CROP = "crop"
    PAD = "pad"


class MetadataPolicy(StrEnum):
    """What EXIF data an output keeps."""

    NONE = "none"
    COPYRIGHT = "copyright"
    KEEP = "keep"


DEFAULT_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Preset:
    """The named rule behind a size; sides are in pixels, quality is 1 to 100."""

    name: str
    fit: Fit = Fit.SCALE_DOWN
    width_px: int | None = None
    height_px: int | None = None
    quality: int = DEFAULT_QUALITY
    metadata: MetadataPolicy = MetadataPolicy.NONE
    never_require_signed_urls: bool = False
    """This size of a private image may be seen by anyone."""
    browser_ttl_s: int | None = None
    """How long browsers may keep pictures of this size; None: as long as the image's owner prefers."""

    @property
    def may_crop(self) -> bool:
        """Does it depend on the focal point? Only a box with both sides can make a fit cut something off."""
        return self.fit in {Fit.COVER, Fit.CROP} and self.width_px is not None and self.height_px is not None


@dataclass(frozen=True, slots=True, order=True)
class Derivative:
    """One (family, size) that is wanted of an image; `size` is a preset's name."""

    family: Family
    size: str


ATTEMPT_STRIDE = 1024
"""Attempts of a variant made on demand are counted from a random multiple of this: whatever was of its name before it
and is deleted late has other object keys."""

ORIGINAL_SIZE = "original"
ORIGINAL = Derivative(Family.ORIGINAL, ORIGINAL_SIZE)

BUILT_IN_PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(ORIGINAL_SIZE),
        Preset("small", width_px=200),
        Preset("medium", width_px=500),
        *(Preset(f"w{width}", width_px=width) for width in (128, 256, 512, 1024, 1536, 2048)),
        Preset("thumb", Fit.COVER, 128, 128),
        Preset("og-image", Fit.COVER, 1200, 630),
        Preset("public", width_px=1366, height_px=768),
    )
}


@dataclass(frozen=True, slots=True)
class Geometry:
    """How pixels are to be made: resize the whole picture to `scaled`, then crop or pad it to `final` (width, height).

    All in pixels of the picture as displayed. Where `final` is smaller than `scaled` the overflow is cut,
    where it is larger a background is put around.
    """

    scaled: tuple[int, int]
    final: tuple[int, int]
    offset: tuple[int, int] | None = None
    """Left and top of what a cut leaves, in pixels of `scaled`; None for the middle."""

    @property
    def cropped(self) -> tuple[int, int]:
        """What of `scaled` is kept, before anything is put around it."""
        return min(self.scaled[0], self.final[0]), min(self.scaled[1], self.final[1])

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top of `cropped` in `scaled`."""
        return self.offset or _middle(self.scaled, self.cropped)


@dataclass(frozen=True, slots=True)
class FocalPoint:
    """What a cut shall keep: a share of the width and one of the height, each 0 to 1 from the left and the top."""

    x: float
    y: float


def plan_geometry(preset: Preset, width_px: int, height_px: int, focal: FocalPoint | None = None) -> Geometry:
    """What `preset` makes of a picture of this size, as displayed. No side ever becomes 0.

    The meaning of each fit is Cloudflare's: only `contain`, `cover` and `pad` enlarge. A box with one
    side takes the other from the picture, so that every fit means a plain resize there. What is cut has
    the focal point as near to its middle as the picture's edges allow.
    """
    return aim(_plan_centred(preset, width_px, height_px), focal)


def aim(geometry: Geometry, focal: FocalPoint | None) -> Geometry:
    """The same with the focal point, if there is one, as near to the middle of what is kept as the edges allow."""
    cropped = geometry.cropped
    if focal is None or cropped == geometry.scaled:
        return geometry
    offset = (
        _place(geometry.scaled[0], cropped[0], focal.x),
        _place(geometry.scaled[1], cropped[1], focal.y),
    )
    # One way to say each place: what lies in the middle anyway is not made twice.
    return geometry if offset == geometry.corner else replace(geometry, offset=offset)


def _plan_centred(preset: Preset, width_px: int, height_px: int) -> Geometry:
    box_w, box_h = preset.width_px, preset.height_px
    if box_w is None and box_h is None:
        return Geometry((width_px, height_px), (width_px, height_px))
    by_width = box_w / width_px if box_w is not None else None
    by_height = box_h / height_px if box_h is not None else None
    factors = [factor for factor in (by_width, by_height) if factor is not None]
    inside, outside = min(factors), max(factors)
    fit = preset.fit
    if fit is Fit.CROP and outside <= 1:
        fit = Fit.COVER
    if fit is Fit.CROP:
        return _crop_without_enlarging(box_w, box_h, width_px, height_px)
    if fit is Fit.COVER and len(factors) == 2:
        scaled = scale(width_px, height_px, outside)
        return Geometry(scaled, (box_w or scaled[0], box_h or scaled[1]))
    factor = min(inside, 1.0) if fit is Fit.SCALE_DOWN else inside
    scaled = scale(width_px, height_px, factor)
    if fit is Fit.PAD:
        return Geometry(scaled, (box_w or scaled[0], box_h or scaled[1]))
    return Geometry(scaled, scaled)


def _crop_without_enlarging(box_w: int | None, box_h: int | None, width_px: int, height_px: int) -> Geometry:
    # A picture smaller than the box on a side keeps that side: nothing is enlarged, only what overflows is cut.
    final = (min(box_w or width_px, width_px), min(box_h or height_px, height_px))
    return Geometry((width_px, height_px), final)


def _middle(scaled: tuple[int, int], cropped: tuple[int, int]) -> tuple[int, int]:
    return (scaled[0] - cropped[0]) // 2, (scaled[1] - cropped[1]) // 2


def _place(scaled_px: int, cropped_px: int, share: float) -> int:
    return min(max(0, math.floor(scaled_px * share - cropped_px / 2)), scaled_px - cropped_px)


def scale(width_px: int, height_px: int, factor: float) -> tuple[int, int]:
    """A size times a factor, in whole pixels; no side ever becomes 0."""
    return max(1, round(width_px * factor)), max(1, round(height_px * factor))


def stored_format(family: Family, uploaded: ImageFormat, *, has_alpha: bool = False) -> ImageFormat:
    """The codec of a family's files. ORIGINAL keeps the upload's; HEIC, which no browser shows, becomes JPEG or PNG."""
    if family is not Family.ORIGINAL:
        return ImageFormat(family.value)
    if uploaded is ImageFormat.HEIC:
        return ImageFormat.PNG if has_alpha else ImageFormat.JPEG
    return uploaded


def path_extension(family: Family, *, original: ImageFormat) -> str:
    """The extension in a stable path: the family's own name, or for `original` the usual one of its format."""
    return EXTENSIONS[original] if family is Family.ORIGINAL else family.value


def guess_original_format(filename: str) -> ImageFormat:
    """What ORIGINAL will probably be, from the file's name alone; JPEG where the name says nothing."""
    named = FORMATS_BY_EXTENSION.get(filename.rpartition(".")[2].lower(), ImageFormat.JPEG)
    return stored_format(Family.ORIGINAL, named)
