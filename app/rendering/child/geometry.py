"""Arithmetic of sizes: how far a JPEG may be shrunk while decoding, which raster comes from which, where crops lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.headers.facts import HeaderFacts
from app.domain.variants import Geometry
from app.rendering.protocol import RenderSpec

Size = tuple[int, int]

# The DCT can be cut to 1/2, 3/8, 1/4 and 1/8 of the side: divisor asked of ImageMagick → eighths that come back.
_EIGHTHS_BY_DIVISOR = {8: 1, 4: 2, 3: 3, 2: 4}

# How much larger than the result a shrunk decode must be, by divisor. The DCT's way of shrinking rings and aliases, the
# more the fewer coefficients are left: measured on photographs, the sharpest stays near 46 dB, usual ones above 50.
_HINT_OVERSAMPLING = {8: 2.0, 4: 1.75, 3: 1.5, 2: 1.5}

# A side that does not divide comes out rounded up, so that its last pixel is partly empty and the picture is squeezed
# by a fraction of a pixel: invisible up to here, in pixels of the result at the far edge.
_MAX_SQUEEZE_PX = 0.1

_SCALE_OVERSAMPLING = 1.5

# A raster serves as the source of smaller ones if both its sides are this many times theirs.
_CASCADE_FACTOR = 2.0

# An averaged half of the decoded picture serves as the source of sizes this many times smaller: what the average takes
# from them lies above what they can show (measured: at least 50 dB from the same size made of all pixels).
_PREVIEW_FACTOR = 3.9

# A verdict needs 32 pixels a side only.
_VERDICT_SIZE = (64, 64)

_LANCZOS_REACH_PX = 4
"""How many result pixels beyond its edge a crop must know, so that the filter sees what it would have seen."""

_MAX_SHIFT_PX = 0.01
"""How far, in result pixels, a band's edge may lie from a whole source pixel."""

_WORTHWHILE_SAVING = 0.95

# Measured: a resize for each pixel of its source, and a shrunk decode for each pixel of the picture.
_RESIZE_NS, _DECODE_AGAIN_NS = 26.0, 4.0


def turn_size(size: Size, orientation: int) -> Size:
    """A size as stored from one as displayed, and the reverse: 5 to 8 swap the sides."""
    return (size[1], size[0]) if orientation >= 5 else size


def largest_need(facts: HeaderFacts, specs: Sequence[RenderSpec]) -> Size:
    """The smallest raster, as stored, from which every wanted size can be taken."""
    sizes = [spec.geometry.scaled for spec in specs] or [_VERDICT_SIZE]
    needed = max(width for width, _ in sizes), max(height for _, height in sizes)
    return turn_size(needed, facts.orientation)


def find_divisor(facts: HeaderFacts, needed: Size) -> int:
    """By how much a JPEG may be shrunk while it is decoded; 1 where it must be decoded in full.

    Never more than the picture has on either side: ImageMagick would take that for enlarging.
    """
    size = (facts.width_px, facts.height_px)
    for divisor, eighths in _EIGHTHS_BY_DIVISOR.items():
        sides = zip(size, needed, strict=True)
        if min(size) >= divisor and all(_may_shrink(side, want, divisor, eighths) for side, want in sides):
            return divisor
    return 1


def _may_shrink(side_px: int, wanted_px: int, divisor: int, eighths: int) -> bool:
    exact = side_px * eighths / 8
    squeeze_px = (math.ceil(exact) - exact) / exact * wanted_px
    return exact >= _HINT_OVERSAMPLING[divisor] * wanted_px and squeeze_px <= _MAX_SQUEEZE_PX


def expected_sizes(facts: HeaderFacts, divisor: int) -> set[Size]:
    """The sizes that a decode with this divisor may have; a decoder that cannot shrink gives the full one."""
    size = (facts.width_px, facts.height_px)
    return {size, shrunk_size(size, _EIGHTHS_BY_DIVISOR.get(divisor, 8))}


def shrunk_size(size: Size, eighths: int) -> Size:
    """What libjpeg gives for so many eighths of a side: rounded up."""
    return -(-size[0] * eighths // 8), -(-size[1] * eighths // 8)


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
    """The raster it is taken from, by index in the plan; None for the decoded picture itself."""
    specs: tuple[int, ...]
    is_of_preview: bool = False
    """Is it taken from the decoded picture's averaged half?"""


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
        if is_whole and _is_many_times(have.scaled, scaled, _CASCADE_FACTOR):
            return index
    return None


def preview_size(decoded: Size) -> Size:
    """The averaged half of a decoded picture."""
    return decoded[0] // 2, decoded[1] // 2


def with_preview(plans: Sequence[RasterPlan], decoded: Size) -> list[RasterPlan]:
    """The same plans, small ones taken from the preview, so that they need not wait for the large ones.

    `decoded` is upright, as plans are.
    """
    half = preview_size(decoded)
    quick = {index for index, plan in enumerate(plans) if _is_many_times(half, plan.scaled, _PREVIEW_FACTOR)}
    return [
        replace(plan, parent=None, is_of_preview=True) if index in quick and plan.parent not in quick else plan
        for index, plan in enumerate(plans)
    ]


def _is_many_times(have: Size, want: Size, factor: float) -> bool:
    return all(a >= factor * b for a, b in zip(have, want, strict=True))


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """How often a JPEG is decoded and how small: once for most, twice where one large size would spoil it."""

    divisor: int
    """Of the first decode, which gives the verdict and most sizes."""
    finer_divisor: int | None = None
    """Of the second one, for sizes that the first is too small for."""


def plan_decodes(facts: HeaderFacts, specs: Sequence[RenderSpec]) -> DecodePlan:
    """One decode, unless resizing everything from a large raster takes longer than decoding a small one besides.

    A picture a little over twice as wide as the largest wanted size cannot be shrunk for that one, but for the next.
    """
    needs = [turn_size(plan.scaled, facts.orientation) for plan in plan_rasters(specs) if plan.parent is None]
    needs += [turn_size(spec.geometry.scaled, facts.orientation) for spec in specs if spec.is_animated]
    divisors = [find_divisor(facts, need) for need in needs or [_VERDICT_SIZE]]
    finest = min(divisors)
    coarser = [divisor for divisor in divisors if divisor > finest]
    if not coarser:
        return DecodePlan(finest)
    pixels = facts.width_px * facts.height_px
    spared = pixels * (_share(finest) - _share(min(coarser))) * len(coarser)
    if spared * _RESIZE_NS > pixels * _DECODE_AGAIN_NS:
        return DecodePlan(min(coarser), finest)
    return DecodePlan(finest)


def _share(divisor: int) -> float:
    return (_EIGHTHS_BY_DIVISOR.get(divisor, 8) / 8) ** 2


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
    start = _find_edge(range(max(0, first - _LANCZOS_REACH_PX), -1, -1), ratio)
    end = _find_edge(range(min(scaled_px, last + _LANCZOS_REACH_PX), scaled_px + 1), ratio)
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
