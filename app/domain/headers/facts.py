"""What a picture's headers say, and how much of it we are willing to decode."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.formats import ImageFormat


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a picture may promise in its headers before anything decodes it."""

    max_side_px: int = 16_384
    max_frame_pixels: int = 50_000_000
    max_frames: int = 500
    max_total_pixels: int = 200_000_000
    """Over all frames: frames × canvas."""
    max_animated_pixels: int = 60_000_000
    """Over all frames; an animation above it gives stills."""


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """A picture as its headers describe it, before decoding.

    `width_px` and `height_px` are as the decoder gives them; `orientation` (EXIF, 1 to 8) is still to be
    applied. HEIC and AVIF are turned by their decoder, so their orientation is always 1 and their size is turned.
    """

    format: ImageFormat
    width_px: int
    height_px: int
    orientation: int = 1
    frames: int = 1
    has_alpha: bool = False
    has_icc_profile: bool = False

    @property
    def displayed_size(self) -> tuple[int, int]:
        """Width and height in pixels after orientation."""
        if self.orientation >= 5:  # 5 to 8 turn by a quarter
            return self.height_px, self.width_px
        return self.width_px, self.height_px

    @property
    def is_animated(self) -> bool:
        """More than one frame."""
        return self.frames > 1

    def may_move(self, budget: Budget) -> bool:
        """Is this an animation small enough to keep moving in its variants?"""
        return self.is_animated and self.frames * self.width_px * self.height_px <= budget.max_animated_pixels


@dataclass(frozen=True, slots=True)
class ExifFacts:
    """The camera's own facts, as far as they could be read; every field may be absent."""

    make: str | None = None
    model: str | None = None
    lens: str | None = None
    taken_at: str | None = None
    """ISO 8601; without an offset where the camera noted none."""
    exposure_time: str | None = None
    """As a fraction of a second, such as `1/250`."""
    f_number: float | None = None
    iso: int | None = None
    focal_length_mm: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    copyright: str | None = None
    artist: str | None = None

    @property
    def taken_moment(self) -> datetime | None:
        """`taken_at` as a moment: without an offset it counts as UTC, outside of the years 1 to 9999 as none."""
        if self.taken_at is None:
            return None
        moment = datetime.fromisoformat(self.taken_at)
        try:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:
            return None
