"""How large each file of an image becomes, within the limits of its codec: for plans, workers and addresses alike."""

from dataclasses import replace

from app.domain.bands import find_band
from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget
from app.domain.transform_geometry import plan_transform
from app.domain.transforms import Transform
from app.domain.variants import FocalPoint, Geometry, Preset, plan_geometry
from app.errors import InvalidRequest

MAX_SIDES_PX = {ImageFormat.WEBP: 16_383}
"""What a codec can write, where that is less than a budget's `max_side_px` allows. WebP: 14 bits for each side."""


def plan_variant(
    size: Preset | Transform,
    codec: ImageFormat,
    source_px: tuple[int, int],
    focal: FocalPoint | None = None,
    *,
    budget: Budget,
) -> Geometry:
    """What a size makes of a picture with these sides, as displayed, in a file of this codec.

    A file that its codec could not hold becomes smaller, in the same proportions.

    Raises:
        InvalidRequest: the file, or the raster that it is cut from, would be larger than pictures may be.
    """
    if isinstance(size, Transform):
        geometry = plan_transform(size, *source_px, focal)
    else:
        geometry = plan_geometry(size, *source_px, focal)
    geometry = _fit_codec(geometry, codec)
    _check(geometry, source_px, budget)
    return geometry


def fitted_size(preset: Preset, codec: ImageFormat, source_px: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the file that `plan_variant` gives, where it may be made."""
    return _fit_codec(plan_geometry(preset, *source_px), codec).final


def _fit_codec(geometry: Geometry, codec: ImageFormat) -> Geometry:
    most_px = MAX_SIDES_PX.get(codec)
    longest_px = max(geometry.final)
    if most_px is None or longest_px <= most_px:
        return geometry

    def shrink(size: tuple[int, int], *, least: int = 1) -> tuple[int, int]:
        return max(least, size[0] * most_px // longest_px), max(least, size[1] * most_px // longest_px)

    offset = geometry.offset and shrink(geometry.offset, least=0)
    return replace(geometry, scaled=shrink(geometry.scaled), final=shrink(geometry.final), offset=offset)


def _check(geometry: Geometry, source_px: tuple[int, int], budget: Budget) -> None:
    # The whole of `scaled` is not made where only a part of it is kept.
    axes = zip(source_px, geometry.scaled, geometry.cropped, geometry.corner, strict=True)
    raster = tuple(find_band(*axis).result_px for axis in axes)
    for sides in (raster, geometry.final):
        if max(sides) > budget.max_side_px or sides[0] * sides[1] > budget.max_frame_pixels:
            width_px, height_px = geometry.final
            raise InvalidRequest(
                f"A file of {width_px} × {height_px} pixels is too large to be made of a picture of "
                f"{source_px[0]} × {source_px[1]}: ask for a smaller size.",
                details={"field": "width"},
            )
