"""Arithmetic of sizes: which raster comes from which, how they are turned, where crops lie."""

import math
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

_LANCZOS_REACH_PX = 4
"""How many pixels beyond its edge a crop must know, so that the filter sees what it would have seen."""

_MAX_SHIFT_PX = 0.01
"""How far, in result pixels, a band's edge may lie from a whole source pixel."""

_WORTHWHILE_SAVING = 0.95


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


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of one axis: source pixels to keep, result pixels to make of them, result pixels to trim after."""

    source_start: int
    source_px: int
    result_px: int
    trim_start: int
    final_px: int


def find_band(source_px: int, scaled_px: int, final_px: int, first_px: int | None = None) -> Band:
    """The part of an axis that a crop needs, such that its resize shifts nothing.

    The crop starts at `first_px` of the result; without it, it lies in the middle.

    A plain rounded crop moves the picture by a fraction of a pixel. So the band is widened to where a source
    pixel's edge and a result pixel's edge fall together, and the result is trimmed afterwards.
    """
    middle_px = (scaled_px - final_px) // 2
    whole = Band(0, source_px, scaled_px, middle_px if first_px is None else first_px, final_px)
    if final_px == scaled_px:
        return whole
    first, last = whole.trim_start, whole.trim_start + final_px
    ratio = source_px / scaled_px
    # The filter looks at so many pixels of the smaller of the two.
    reach_px = math.ceil(_LANCZOS_REACH_PX * max(1.0, 1 / ratio))
    start = _find_edge(range(max(0, first - reach_px), -1, -1), ratio)
    end = _find_edge(range(min(scaled_px, last + reach_px), scaled_px + 1), ratio)
    if end - start > _WORTHWHILE_SAVING * scaled_px:
        return whole
    source_start = round(start * ratio)
    return Band(source_start, round(end * ratio) - source_start, end - start, first - start, final_px)


def _find_edge(candidates: range, ratio: float) -> int:
    # The axis' own ends always fit, so the search ends there at the latest.
    for edge in candidates:
        if abs(edge * ratio - round(edge * ratio)) <= _MAX_SHIFT_PX * max(1.0, ratio):
            return edge
    return candidates[-1]
