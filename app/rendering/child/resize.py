"""Resizing one picture by two threads."""

import threading

from wand.exceptions import WandException
from wand.image import Image

from app.domain.bands import Band, find_band
from app.rendering.child.magick import crop, resize_by_lanczos


def resize_in_halves(image: Image, width_px: int, height_px: int) -> None:
    """Resize in place, the lower half by a thread of its own; ImageMagick's own threads gain nothing on small pictures.

    Each half knows as many rows beyond its edge as the filter looks at: at most the last bit of a pixel differs.

    Raises:
        WandException: memory ran out.
    """
    middle_px = height_px // 2
    upper = find_band(image.height, height_px, middle_px, 0) if middle_px else None
    lower = find_band(image.height, height_px, height_px - middle_px, middle_px)
    if upper is None or image.height in {upper.source_px, lower.source_px}:
        return resize_by_lanczos(image, width_px, height_px)
    with image.clone() as below:
        _resize_both((image, upper), (below, lower), width_px)
        image.image_add(below)
    image.iterator_set(0)  # it appends from the current one on
    image.concat(stacked=True)
    image.reset_coords()
    return None


def _resize_both(upper: tuple[Image, Band], lower: tuple[Image, Band], width_px: int) -> None:
    failures: list[WandException] = []

    def resize_lower() -> None:
        try:
            _resize_band(*lower, width_px)
        except WandException as error:
            failures.append(error)

    helper = threading.Thread(target=resize_lower)
    helper.start()
    try:
        _resize_band(*upper, width_px)
    finally:
        helper.join()
    if failures:
        raise failures[0]


def _resize_band(image: Image, band: Band, width_px: int) -> None:
    crop(image, 0, band.source_start, image.width, band.source_px)
    resize_by_lanczos(image, width_px, band.result_px)
    if band.result_px != band.final_px:
        crop(image, 0, band.trim_start, width_px, band.final_px)
