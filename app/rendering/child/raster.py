"""Making one raster: cut, resized, in sRGB and upright."""

from wand.image import Image

from app.domain.bands import Band, find_band
from app.rendering.child.colour import convert_to_srgb
from app.rendering.child.geometry import RasterPlan, Size, turn_corner, turn_size
from app.rendering.child.magick import crop, resize_by_lanczos
from app.rendering.child.resize import resize_in_halves


def make_raster(source: Image, plan: RasterPlan, *, orientation: int, threads: int = 1) -> Image:
    """A new image of the plan's cropped size; `source` stays as it is.

    `orientation` is what is still to be applied to `source`; 1 for one that came from here. Of `threads` there may be
    1 or 2.

    Raises:
        WandException: memory ran out, or the colour profile is broken.
    """
    scaled, cropped = turn_size(plan.scaled, orientation), turn_size(plan.cropped, orientation)
    left, top = turn_corner(plan.corner, plan.cropped, plan.scaled, orientation)
    raster = source.clone()
    # Profiles cost by the pixel, so the smaller of the two rasters is converted.
    is_enlarged = scaled[0] * scaled[1] > source.width * source.height
    if is_enlarged:
        convert_to_srgb(raster)
    across = find_band(source.width, scaled[0], cropped[0], left)
    down = find_band(source.height, scaled[1], cropped[1], top)
    _cut(raster, across, down)
    if raster.size != (across.result_px, down.result_px):
        (resize_in_halves if threads == 2 else resize_by_lanczos)(raster, across.result_px, down.result_px)
    _trim(raster, across, down)
    if not is_enlarged:
        convert_to_srgb(raster)
    turn_upright(raster, orientation)
    return raster


def turn_upright(image: Image, orientation: int) -> None:
    """Apply an EXIF orientation (1 to 8) to the pixels and forget it."""
    match orientation:
        case 2:
            image.flop()
        case 3:
            image.rotate(180)
        case 4:
            image.flip()
        case 5:
            image.transpose()
        case 6:
            image.rotate(90)
        case 7:
            image.transverse()
        case 8:
            image.rotate(270)
    image.reset_coords()
    image.orientation = "top_left"


def pad(image: Image, size: Size, background: str) -> None:
    """Put a background around the picture until it has this size."""
    image.background_color = background
    image.extent(width=size[0], height=size[1], x=-((size[0] - image.width) // 2), y=-((size[1] - image.height) // 2))
    image.reset_coords()


def _cut(raster: Image, across: Band, down: Band) -> None:
    if raster.size != (across.source_px, down.source_px):
        crop(raster, across.source_start, down.source_start, across.source_px, down.source_px)


def _trim(raster: Image, across: Band, down: Band) -> None:
    if raster.size != (across.final_px, down.final_px):
        crop(raster, across.trim_start, down.trim_start, across.final_px, down.final_px)
