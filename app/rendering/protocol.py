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
    """What stands behind padding, and behind transparency where the codec has none."""


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


Answer = Decoded | Rendered | NotRendered
