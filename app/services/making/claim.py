"""What a worker has claimed of an image, and what decoding said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from app.db.records import ImageRecord, VariantRecord
from app.domain.variants import ORIGINAL, FocalPoint, MetadataPolicy, Preset

LEASE = timedelta(seconds=6)
"""Renewed every 2 s by a worker that lives; the sweep notices a dead one within 11 s, unless settings say otherwise."""


class Part(Enum):
    """How much of what waits of an image is claimed."""

    ALL = auto()
    WANTED = auto()
    """What a request may be waiting for, and nothing else."""
    WANTED_FIRST = auto()
    """That alone where there is any, so that it is not made together with all the rest; else everything."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An image with those of its variants that this worker, and no other, makes now, and the rules as they are now."""

    image: ImageRecord
    variants: tuple[VariantRecord, ...]
    presets: Mapping[str, Preset]
    original_metadata: MetadataPolicy
    """What the served original keeps."""

    @property
    def focal(self) -> FocalPoint | None:
        """What cuts shall keep; None for the middle."""
        if self.image.focal_x is None or self.image.focal_y is None:
            return None
        return FocalPoint(self.image.focal_x, self.image.focal_y)

    @property
    def has_verdict(self) -> bool:
        """Is it known that the bytes are a picture, and has everybody been told?"""
        return self.image.thumbhash is not None and not self.image.is_draft

    @property
    def is_wanted(self) -> bool:
        """Does a request wait for any of it?"""
        return any(variant.wanted_at is not None for variant in self.variants)

    @property
    def runs_alone(self) -> bool:
        """Did the machine lack memory or time for any of it before?"""
        return any(variant.starvations for variant in self.variants)

    @property
    def original(self) -> VariantRecord | None:
        """The served original, if it is among them."""
        return next((variant for variant in self.variants if variant.derivative == ORIGINAL), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What decoding told of an image."""

    width_px: int
    height_px: int
    thumbhash: str
    dominant_color: str
    placeholder_png: str
    """Base64."""
