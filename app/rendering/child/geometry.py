"""Arithmetic of sizes: which raster comes from which, how they are turned, where crops lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.variants import Geometry
from app.rendering.protocol import RenderSpec

Size = tuple[int, int]

_SCALE_OVERSAMPLING = 1.5

# A raster serves as the source of smaller ones if both its sides are this many times theirs; a large one sooner, as
# taking another of nearly its size from the whole picture costs more than waiting for it (measured: 49 dB at least).
_CASCADE_FACTOR, _LARGE_CASCADE_FACTOR = 2.0, 1.3
_LARGE_PX = 2_000_000


def turn_size(size: Size, orientation: int) -> Size:
    """A size as stored from one as displayed, and the reverse: 5 to 8 swap the sides."""
    return (size[1], size[0]) if orientation >= 5 else size


def find_scale_factor(size: Size, needed: Size) -> int:
    """The whole factor by which a large raster can be averaged down before anything better touches it."""
    return max(1, min(int(have / (_SCALE_OVERSAMPLING * want)) for have, want in zip(size, needed, strict=True)))


@dataclass(frozen=True, slots=True)
class RasterPlan:
    """One raster to be made and the specs (by index) that are encoded from it."""

    scaled: Size
    cropped: Size
    """Equal to `scaled`, or smaller where only a part is kept."""
    corner: Size
    """Left and top of that part in `scaled`."""
    parent: int | None
    """The raster it is taken from, by index in the plan; None for a decoded picture."""
    specs: tuple[int, ...]
    divisor: int = 1
    """Of the decode it is taken from, where it has no parent."""
    is_of_preview: bool = False
    """Is it taken from that decode's averaged half?"""


def plan_rasters(specs: Sequence[RenderSpec]) -> list[RasterPlan]:
    """Every different raster once, larger ones first, each from the smallest one that is large enough for it."""
    wanted: dict[tuple[Size, Size, Size], list[int]] = {}
    for index, spec in enumerate(specs):
        if not spec.is_animated:
            wanted.setdefault(_raster_of(spec.geometry), []).append(index)
    plans: list[RasterPlan] = []
    for raster in sorted(wanted, key=lambda sizes: sizes[0][0] * sizes[0][1], reverse=True):
        plans.append(RasterPlan(*raster, _find_parent(raster[0], plans), tuple(wanted[raster])))
    return plans


def _raster_of(geometry: Geometry) -> tuple[Size, Size, Size]:
    return geometry.scaled, geometry.cropped, geometry.corner


def turn_corner(corner: Size, cropped: Size, scaled: Size, orientation: int) -> Size:
    """Left and top of a part in the raster as stored, from those in the picture as displayed (as are the sizes)."""
    left, top = corner
    right, bottom = scaled[0] - cropped[0] - left, scaled[1] - cropped[1] - top
    stored = {
        2: (right, top),
        3: (right, bottom),
        4: (left, bottom),
        5: (top, left),
        6: (top, right),
        7: (bottom, right),
        8: (bottom, left),
    }
    return stored.get(orientation, corner)


def _find_parent(scaled: Size, plans: Sequence[RasterPlan]) -> int | None:
    for index in reversed(range(len(plans))):
        have = plans[index]
        is_whole = have.cropped == have.scaled
        factor = _LARGE_CASCADE_FACTOR if have.scaled[0] * have.scaled[1] >= _LARGE_PX else _CASCADE_FACTOR
        if is_whole and is_many_times(have.scaled, scaled, factor):
            return index
    return None


def is_many_times(have: Size, want: Size, factor: float) -> bool:
    """Are both sides at least so many times the wanted ones?"""
    return all(a >= factor * b for a, b in zip(have, want, strict=True))
