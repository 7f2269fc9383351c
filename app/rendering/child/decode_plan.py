"""Which decodes a JPEG needs and how far each may be shrunk, and which raster is taken from which of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.rendering.child.geometry import (
    RasterPlan,
    Size,
    find_scale_factor,
    is_many_times,
    plan_rasters,
    turn_size,
)
from app.rendering.protocol import RenderSpec

# The DCT can be cut to 1/2, 3/8, 1/4 and 1/8 of the side: divisor asked of ImageMagick → eighths that come back.
_EIGHTHS_BY_DIVISOR = {8: 1, 4: 2, 3: 3, 2: 4}


@dataclass(frozen=True, slots=True)
class _Fineness:
    """How near to the whole picture's resize a shrunk decode's must come."""

    oversampling: Mapping[int, float]
    """How much larger than the result a decode must be, by divisor. The DCT's way of shrinking rings and aliases, the
    more the fewer coefficients are left."""
    max_squeeze_px: float
    """A side that does not divide comes out rounded up, so that its last pixel is partly empty and the picture is
    squeezed by a fraction of a pixel: this much of the result, at the far edge."""


# Measured on photographs: the sharpest stays near 46 dB, usual ones above 50.
_FINE = _Fineness({8: 2.0, 4: 1.75, 3: 1.5, 2: 1.5}, max_squeeze_px=0.1)
# For those who wait: what sharp's own shrinking leaves (38 dB on the sharpest), in three quarters of the time.
_QUICK = _Fineness({8: 2.0, 4: 1.25, 3: 1.25, 2: 1.25}, max_squeeze_px=1.0)

# An averaged half of the decoded picture serves as the source of sizes this many times smaller: what the average takes
# from them lies above what they can show (measured: at least 50 dB from the same size made of all pixels).
_PREVIEW_FACTOR = 3.9

# A verdict needs 32 pixels a side only.
_VERDICT_SIZE = (64, 64)

_QUICK_DIVISOR = 4
"""From here on a decode is so quick that it is worth making besides a large one."""

# Measured: a resize for each pixel of its source, and a shrunk decode for each pixel of the picture.
_RESIZE_NS, _DECODE_AGAIN_NS = 26.0, 4.0


def largest_need(facts: HeaderFacts, specs: Sequence[RenderSpec]) -> Size:
    """The smallest raster, as stored, from which every wanted size can be taken."""
    sizes = [spec.geometry.scaled for spec in specs] or [_VERDICT_SIZE]
    needed = max(width for width, _ in sizes), max(height for _, height in sizes)
    return turn_size(needed, facts.orientation)


def find_divisor(facts: HeaderFacts, needed: Size, *, is_quick: bool = False) -> int:
    """By how much a picture may be shrunk while it is decoded; 1 where it must be decoded in full.

    Only a JPEG can be: a second decode of anything else would be a second whole picture in memory. Never more than the
    picture has on either side: ImageMagick would take that for enlarging.
    """
    if facts.format is not ImageFormat.JPEG:
        return 1
    fine = (divisor for divisor in _EIGHTHS_BY_DIVISOR if is_fine_enough(facts, needed, divisor, is_quick=is_quick))
    return next(fine, 1)


def is_fine_enough(facts: HeaderFacts, needed: Size, divisor: int, *, is_quick: bool = False) -> bool:
    """Can `needed` be taken from a decode shrunk by `divisor`?"""
    if divisor == 1:
        return True
    size, eighths = (facts.width_px, facts.height_px), _EIGHTHS_BY_DIVISOR[divisor]
    fineness = _QUICK if is_quick else _FINE
    return min(size) >= divisor and all(
        exact >= fineness.oversampling[divisor] * want
        and (math.ceil(exact) - exact) / exact * want <= fineness.max_squeeze_px
        for exact, want in zip((side * eighths / 8 for side in size), needed, strict=True)
    )


def expected_sizes(facts: HeaderFacts, divisor: int) -> set[Size]:
    """The sizes that a decode with this divisor may have; a decoder that cannot shrink gives the full one."""
    size = (facts.width_px, facts.height_px)
    return {size, shrunk_size(size, _EIGHTHS_BY_DIVISOR.get(divisor, 8))}


def decoded_size(facts: HeaderFacts, needed: Size, divisor: int) -> Size:
    """The size as stored that `decode_still` gives, where the decoder can shrink."""
    size = (facts.width_px, facts.height_px)
    if facts.format is ImageFormat.JPEG:
        return shrunk_size(size, _EIGHTHS_BY_DIVISOR.get(divisor, 8))
    factor = find_scale_factor(size, needed)
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def shrunk_size(size: Size, eighths: int) -> Size:
    """What libjpeg gives for so many eighths of a side: rounded up."""
    return -(-size[0] * eighths // 8), -(-size[1] * eighths // 8)


@dataclass(frozen=True, slots=True)
class DecodePlan:
    """How often a JPEG is decoded and how small, and what is taken from which."""

    divisors: tuple[int, ...]
    """The smallest decode first: it gives the verdict. More than one are made side by side."""
    rasters: tuple[RasterPlan, ...]


def plan_decodes(facts: HeaderFacts, specs: Sequence[RenderSpec]) -> DecodePlan:
    """One decode, but a small one beside a large one, and another where one large size would spoil it for the next."""
    plans = plan_rasters(specs)
    is_quick = bool(specs) and all(spec.is_quick for spec in specs)

    def find(scaled: Size) -> int:
        return find_divisor(facts, turn_size(scaled, facts.orientation), is_quick=is_quick)

    best = [find(plan.scaled) for plan in plans]
    films = [find(spec.geometry.scaled) for spec in specs if spec.is_animated]
    roots = [divisor for divisor, plan in zip(best, plans, strict=True) if plan.parent is None] + films
    finest = min(roots, default=find_divisor(facts, _VERDICT_SIZE))
    divisors = {finest, *_find_quick(finest, best), *_find_coarser(facts, finest, roots)}
    return DecodePlan(tuple(sorted(divisors, reverse=True)), _take_from(facts, plans, divisors, is_quick=is_quick))


def _find_quick(finest: int, best: Sequence[int]) -> set[int]:
    # Whoever uploaded waits for the verdict: a decode to a quarter is there in two thirds of the time of one to a half,
    # and runs beside it.
    quick = [divisor for divisor in best if divisor >= _QUICK_DIVISOR]
    return {min(quick)} if quick and finest < _QUICK_DIVISOR - 1 else set()


def _find_coarser(facts: HeaderFacts, finest: int, roots: Sequence[int]) -> set[int]:
    # A picture a little over twice as wide as the largest wanted size cannot be shrunk for that one, but for the next:
    # another decode, unless resizing everything from a large raster takes less.
    coarser = [divisor for divisor in roots if finest < divisor < _QUICK_DIVISOR]
    if not coarser:
        return set()
    pixels = facts.width_px * facts.height_px
    spared = pixels * (_share(finest) - _share(min(coarser))) * len(coarser)
    return {min(coarser)} if spared * _RESIZE_NS > pixels * _DECODE_AGAIN_NS else set()


def _take_from(
    facts: HeaderFacts, plans: Sequence[RasterPlan], divisors: set[int], *, is_quick: bool
) -> tuple[RasterPlan, ...]:
    taken: list[RasterPlan] = []
    for plan in plans:
        needed = turn_size(plan.scaled, facts.orientation)
        fine = [divisor for divisor in divisors if is_fine_enough(facts, needed, divisor, is_quick=is_quick)]
        divisor = max(fine, default=min(divisors))
        if plan.parent is None or divisor > taken[plan.parent].divisor:
            # What a smaller decode serves as well need not wait for a larger raster.
            taken.append(replace(plan, divisor=divisor, parent=None))
        else:
            taken.append(replace(plan, divisor=taken[plan.parent].divisor))
    return tuple(taken)


def preview_size(decoded: Size) -> Size:
    """The averaged half of a decoded picture."""
    return decoded[0] // 2, decoded[1] // 2


def with_preview(plan: DecodePlan, decoded: Size) -> tuple[RasterPlan, ...]:
    """The plan's rasters, small ones taken from the only decode's half, so that they need not wait for large ones.

    `decoded` is upright, as plans are.
    """
    if len(plan.divisors) > 1:
        return plan.rasters  # small ones have a decode of their own
    half = preview_size(decoded)
    quick = {index for index, raster in enumerate(plan.rasters) if is_many_times(half, raster.scaled, _PREVIEW_FACTOR)}
    return tuple(
        replace(raster, parent=None, is_of_preview=True) if index in quick and raster.parent not in quick else raster
        for index, raster in enumerate(plan.rasters)
    )


def _share(divisor: int) -> float:
    return (_EIGHTHS_BY_DIVISOR.get(divisor, 8) / 8) ** 2
