"""Rows for what is going to be made."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from app.db.records import VariantRecord
from app.domain.variants import Derivative, VariantState
from app.ids import ImageId, make_uuid


def planned_rows(
    image_id: ImageId,
    derivatives: Iterable[Derivative],
    *,
    now: datetime,
    generation: int = 1,
    revision: int = 0,
    first_position: int = 0,
) -> list[dict[str, object]]:
    """One PLANNED variant for each derivative, in their order."""
    return [
        {
            "id": make_uuid(),
            "image_id": image_id,
            "family": derivative.family,
            "size": derivative.size,
            "position": position,
            "state": VariantState.PLANNED,
            "revision": revision,
            "generation": generation,
            "attempt": 0,
            "failures": 0,
            "losses": 0,
            "updated_at": now,
        }
        for position, derivative in enumerate(derivatives, first_position)
    ]


def lacking(wanted: Iterable[Derivative], present: Sequence[VariantRecord]) -> list[Derivative]:
    """Those of the wanted that are not there in any state."""
    there = {variant.derivative for variant in present}
    return [derivative for derivative in dict.fromkeys(wanted) if derivative not in there]
