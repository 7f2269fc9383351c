"""The checks that stop a walk through headers as soon as they promise too much."""

from app.domain.headers.facts import Budget
from app.errors import ImageTooLarge, InvalidImage


def check_canvas(width_px: int, height_px: int, *, budget: Budget) -> None:
    """Let one frame of this size pass.

    Raises:
        InvalidImage: a side is 0.
        ImageTooLarge: a side or the area is above the budget.
    """
    if width_px < 1 or height_px < 1:
        raise InvalidImage("The picture has no area.")
    pixels = width_px * height_px
    if pixels > budget.max_frame_pixels:
        raise _too_many_pixels(pixels, budget.max_frame_pixels)
    longest_px = max(width_px, height_px)
    if longest_px > budget.max_side_px:
        raise exceed("side", longest_px, most=budget.max_side_px)


def check_frames(frames: int, width_px: int, height_px: int, *, budget: Budget) -> None:
    """Let so many frames on a canvas of this size pass.

    Raises:
        ImageTooLarge: their number, or their area in all, is above the budget.
    """
    if frames > budget.max_frames:
        raise exceed("frames", frames, most=budget.max_frames)
    pixels = frames * width_px * height_px
    if pixels > budget.max_total_pixels:
        raise _too_many_pixels(pixels, budget.max_total_pixels)


def exceed(limit: str, value: int, *, most: int) -> ImageTooLarge:
    """The error for a header that passes the named limit."""
    message = f"The picture has too much of: {limit} ({value}, at most {most})."
    return ImageTooLarge(message, details={"limit": limit, "value": value, "max": most})


def _too_many_pixels(pixels: int, max_pixels: int) -> ImageTooLarge:
    message = f"The picture has {pixels} pixels; at most {max_pixels} are taken."
    return ImageTooLarge(message, details={"limit": "pixels", "pixels": pixels, "maxPixels": max_pixels})
