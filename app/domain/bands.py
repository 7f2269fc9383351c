"""Bands: the part of an axis that a cut needs, so that the whole of a much larger raster is never made."""

import math
from dataclasses import dataclass

_LANCZOS_REACH_PX = 4
"""How many pixels beyond its edge a crop must know, so that the filter sees what it would have seen."""

_MAX_SHIFT_PX = 0.01
"""How far, in result pixels, a band's edge may lie from a whole source pixel."""

_WORTHWHILE_SAVING = 0.95

_MAX_SEARCH_PX = 16_384
"""How far beyond what the filter needs an edge is searched; the best one found is taken then."""


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
    before, after = max(0, first - reach_px), min(scaled_px, last + reach_px)
    start = _find_edge(range(before, max(-1, before - _MAX_SEARCH_PX), -1), ratio)
    end = _find_edge(range(after, min(scaled_px + 1, after + _MAX_SEARCH_PX)), ratio)
    if end - start > _WORTHWHILE_SAVING * scaled_px:
        return whole
    source_start = round(start * ratio)
    return Band(source_start, round(end * ratio) - source_start, end - start, first - start, final_px)


def _find_edge(candidates: range, ratio: float) -> int:
    best_px, best = math.inf, candidates[0]
    for edge in candidates:
        shift_px = abs(edge * ratio - round(edge * ratio))
        if shift_px <= _MAX_SHIFT_PX * max(1.0, ratio):
            return edge
        if shift_px < best_px:
            best_px, best = shift_px, edge
    return best
