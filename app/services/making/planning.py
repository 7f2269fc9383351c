"""What is going to be made: its rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from app.db.engine import Transaction, utc_now
from app.db.images import bump_revision, settle_state, update_image
from app.db.on_demand import adopt, next_position
from app.db.records import ImageRecord, VariantRecord
from app.db.variants import insert_variants, list_variants
from app.domain.policy import with_more
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


async def plan_more(db: Transaction, image: ImageRecord, wanted: Sequence[Derivative]) -> list[Derivative]:
    """Plan those of the wanted that the image lacks; which they were."""
    present = (await list_variants(db, [image.id]))[image.id]
    missing = lacking(wanted, present)
    if not missing:
        return []
    now = utc_now()
    revision = await bump_revision(db, image.id, now=now) or 0
    adopted = await adopt(db, image.id, missing, revision=revision, now=now)
    rows = planned_rows(
        image.id,
        [derivative for derivative in missing if derivative not in adopted],
        now=now,
        generation=image.generation,
        revision=revision,
        first_position=await next_position(db, image.id),
    )
    await insert_variants(db, rows)
    await update_image(db, image.id, {"processing": with_more(image.policy, missing).to_json()})
    if not image.is_draft:
        await settle_state(db, image.id)
    return missing
