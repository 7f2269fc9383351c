"""What the caged child is asked for: one specification for each claimed variant."""

from collections.abc import Iterable

from app.db.records import VariantRecord
from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.variants import ORIGINAL, Family, plan_geometry, stored_format
from app.rendering.protocol import RenderSpec
from app.services.claims import Claim

_MOVING_FAMILIES = frozenset({Family.ORIGINAL, Family.WEBP})
_MOVING_CODECS = frozenset({ImageFormat.GIF, ImageFormat.WEBP})


def is_copied(variant: VariantRecord, facts: HeaderFacts) -> bool:
    """Is this the served original, which is cleaned without decoding? HEIC's is rendered: browsers do not show it."""
    return variant.derivative == ORIGINAL and facts.format is not ImageFormat.HEIC


def make_specs(claim: Claim, variants: Iterable[VariantRecord], facts: HeaderFacts, budget: Budget) -> list[RenderSpec]:
    """One specification for each of a claim's variants; the key is the variant's id."""
    return [make_spec(claim, variant, facts, budget) for variant in variants]


def is_too_large(spec: RenderSpec, budget: Budget) -> bool:
    """Would making it take a larger raster than pictures may have that come in? An owner's preset can ask for that."""
    sides = (spec.geometry.scaled, spec.geometry.final)
    return any(max(size) > budget.max_side_px or size[0] * size[1] > budget.max_frame_pixels for size in sides)


def make_spec(claim: Claim, variant: VariantRecord, facts: HeaderFacts, budget: Budget) -> RenderSpec:
    """How to make one variant of a picture with these headers, by the rules of the claim."""
    preset = claim.presets[variant.size]
    codec = stored_format(variant.family, facts.format, has_alpha=facts.has_alpha)
    may_move = variant.family in _MOVING_FAMILIES and codec in _MOVING_CODECS and facts.may_move(budget)
    return RenderSpec(
        key=str(variant.id),
        codec=codec,
        geometry=plan_geometry(preset, *facts.displayed_size, claim.focal),
        quality=preset.quality,
        metadata=preset.metadata,
        is_animated=may_move,
    )
