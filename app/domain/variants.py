"""What can be made of a picture: families, presets, fits, and how large each result is."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Preset:
    """The named rule behind a size; sides are in pixels, quality is 1 to 100."""

    name: str
    fit: Fit = Fit.SCALE_DOWN
    width_px: int | None = None
    height_px: int | None = None
    quality: int = 85
    metadata: MetadataPolicy = MetadataPolicy.NONE


@dataclass(frozen=True, slots=True, order=True)
class Derivative:
    """One (family, size) that is wanted of an image; `size` is a preset's name."""

    family: Family
    size: str


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


def plan_geometry(preset: Preset, width_px: int, height_px: int) -> Geometry:
    """What `preset` makes of a picture of this size, as displayed. No side ever becomes 0.

    The meaning of each fit is Cloudflare's: only `contain`, `cover` and `pad` enlarge. A box with one
    side takes the other from the picture, so that every fit means a plain resize there.
    """
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
        scaled = _scale(width_px, height_px, outside)
        return Geometry(scaled, (box_w or scaled[0], box_h or scaled[1]))
    factor = min(inside, 1.0) if fit is Fit.SCALE_DOWN else inside
    scaled = _scale(width_px, height_px, factor)
    if fit is Fit.PAD:
        return Geometry(scaled, (box_w or scaled[0], box_h or scaled[1]))
    return Geometry(scaled, scaled)


def _crop_without_enlarging(box_w: int | None, box_h: int | None, width_px: int, height_px: int) -> Geometry:
    # A picture smaller than the box on a side keeps that side: nothing is enlarged, only what overflows is cut.
    final = (min(box_w or width_px, width_px), min(box_h or height_px, height_px))
    return Geometry((width_px, height_px), final)


def _scale(width_px: int, height_px: int, factor: float) -> tuple[int, int]:
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
