"""What the caged child is asked for: one specification for each claimed variant."""

from collections.abc import Iterable
from dataclasses import replace

from app.db.records import VariantRecord
from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.transforms import parse_options
from app.domain.variant_sizes import plan_variant
from app.domain.variants import ORIGINAL, Family, stored_format
from app.errors import InvalidRequest
from app.rendering.ordering import order_transform
from app.rendering.protocol import NotRendered, RenderSpec
from app.services.making.claim import Claim

_MOVING_FAMILIES = frozenset({Family.ORIGINAL, Family.WEBP})
_MOVING_CODECS = frozenset({ImageFormat.GIF, ImageFormat.WEBP})


def is_copied(variant: VariantRecord, facts: HeaderFacts) -> bool:
    """Is this the served original, which is cleaned without decoding? HEIC's is rendered: browsers do not show it."""
    return variant.derivative == ORIGINAL and facts.format is not ImageFormat.HEIC


def make_specs(
    claim: Claim, variants: Iterable[VariantRecord], facts: HeaderFacts, budget: Budget
) -> tuple[list[RenderSpec], list[NotRendered]]:
    """One specification for each of a claim's variants, and those that cannot be made; the key is the variant's id."""
    specs, refused = [], []
    for variant in variants:
        try:
            spec = make_spec(claim, variant, facts, budget)
        except InvalidRequest as error:
            refused.append(NotRendered(str(variant.id), error.message, is_final=True))
        else:
            specs.append(spec)
    return specs, refused


def make_spec(claim: Claim, variant: VariantRecord, facts: HeaderFacts, budget: Budget) -> RenderSpec:
    """How to make one variant of a picture with these headers, by the rules of the claim.

    Raises:
        InvalidRequest: the file would be too large.
    """
    codec = stored_format(variant.family, facts.format, has_alpha=facts.has_alpha)
    may_move = variant.family in _MOVING_FAMILIES and codec in _MOVING_CODECS and facts.may_move(budget)
    if variant.options is not None:
        free = parse_options(variant.options)
        geometry = plan_variant(free, codec, facts.displayed_size, claim.focal, budget=budget)
        order = order_transform(str(variant.id), free, codec, geometry, may_move=may_move)
        return replace(order, is_quick=variant.is_on_demand)
    preset = claim.presets[variant.size]
    geometry = plan_variant(preset, codec, facts.displayed_size, claim.focal, budget=budget)
    return RenderSpec(
        key=str(variant.id),
        codec=codec,
        geometry=geometry,
        quality=preset.quality,
        metadata=preset.metadata,
        is_animated=may_move,
        is_quick=variant.is_on_demand,
    )
