"""What the worker asks of the caged child, and what the child answers."""

from dataclasses import dataclass
from pathlib import Path

from app.domain.formats import ImageFormat
from app.domain.variants import Geometry, MetadataPolicy


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """One file to be made; `key` is the asker's name for it and comes back with the result."""

    key: str
    codec: ImageFormat
    geometry: Geometry
    """In pixels of the picture as displayed (after orientation)."""
    quality: int = 85
    metadata: MetadataPolicy = MetadataPolicy.NONE
    is_animated: bool = False
    """Keep all frames; only GIF and WEBP can."""
    background: str = "#ffffff"
    """What stands behind padding, and behind transparency where the codec has none; `#rrggbb` or `#rrggbbaa`."""
    is_opaque: bool = False
    """Put the background behind all transparency, even where the codec has it."""
    blur: float = 0.0
    """Standard deviation of a Gaussian in pixels of the result, 0 to 250. Effects come before turning and padding."""
    sharpen: float = 0.0
    """How much of the difference from a slightly blurred picture is added to it, 0 to 10."""
    is_grayscale: bool = False
    is_quick: bool = False
    """Somebody waits for it: let it be a little less fine, and a little larger, for half the time."""
    turn: int = 1
    """How the picture in its geometry is mirrored and rotated: the EXIF orientation that asks for it, 1 to 8."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the file; a quarter turn swaps those of the geometry."""
        width_px, height_px = self.geometry.final
        return (height_px, width_px) if self.turn >= 5 else (width_px, height_px)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The verdict: the bytes really are a picture. Always the first answer of a good job."""

    width_px: int
    height_px: int
    """As displayed, after orientation."""
    has_alpha: bool
    thumbhash: str
    """Base64 of the ThumbHash."""
    dominant_color: str
    """Mean colour as #rrggbb."""
    placeholder_png: bytes
    """A PNG of at most 32 pixels a side."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One file is complete at `path`, which lives until the job is left."""

    key: str
    path: Path
    codec: ImageFormat
    width_px: int
    height_px: int
    byte_size: int
    is_animated: bool
    took_ms: float


@dataclass(frozen=True, slots=True)
class NotRendered:
    """One file could not be made though the picture was decoded; the others go on."""

    key: str
    message: str
    lacks_room: bool = False
    """The disk had no room for it, which is no fault of the picture."""
    is_final: bool = False
    """Another try would end the same way."""


Answer = Decoded | Rendered | NotRendered
