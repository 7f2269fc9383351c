"""SQL for variants: plan, claim, finish, and find what was left lying."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import VariantRecord
from app.db.tables import images, variants
from app.domain.variants import VariantState
from app.ids import ImageId

# Built once, as lists of images ask for it: that takes longer than the answer does.
_OF_IMAGES = (
    select(variants)
    .where(variants.c.image_id.in_(bindparam("image_ids", expanding=True)), ~variants.c.is_on_demand)
    .order_by(variants.c.position)
)
FRESH_COUNTS: dict[str, object] = {
    **{"failures": 0, "losses": 0, "host_faults": 0, "host_faults_since": None},
    **{"starvations": 0, "lacked_memory_bytes": None},
}
"""The columns of a variant that has all its tries before it."""
UNFINISHED = (VariantState.PLANNED, VariantState.RENDERING)
_STATE = variants.c.state.type


async def insert_variants(db: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add planned variants."""
    if rows:
        await db.execute(insert(variants), list(rows))


async def list_variants(db: AsyncConnection, image_ids: Iterable[ImageId]) -> dict[ImageId, list[VariantRecord]]:
    """The variants of each of these images, in the order in which they were planned.

    Without those that are only there because they were asked for.
    """
    wanted = list(image_ids)
    found: dict[ImageId, list[VariantRecord]] = {image_id: [] for image_id in wanted}
    rows = await db.execute(_OF_IMAGES, {"image_ids": wanted})
    for record in map(VariantRecord._make, rows.all()):
        found[record.image_id].append(record)
    return found


async def list_all_variants(db: AsyncConnection, image_id: ImageId) -> list[VariantRecord]:
    """Every variant of an image, those made on demand too."""
    statement = select(variants).where(variants.c.image_id == image_id).order_by(variants.c.position)
    return [VariantRecord(*row) for row in await db.execute(statement)]


async def list_watched(db: AsyncConnection, image_id: ImageId) -> tuple[list[VariantRecord], list[VariantRecord]]:
    """The variants of an image as `list_variants` has them, and those that are being made on demand."""
    is_shown = or_(~variants.c.is_on_demand, variants.c.state.in_(UNFINISHED))
    statement = select(variants).where(variants.c.image_id == image_id, is_shown).order_by(variants.c.position)
    found = [VariantRecord(*row) for row in await db.execute(statement)]
    return [record for record in found if not record.is_on_demand], [record for record in found if record.is_on_demand]


async def find_variant(db: AsyncConnection, variant_id: object) -> VariantRecord | None:
    """The variant of this id, unless it is only there because it was asked for."""
    statement = select(variants).where(variants.c.id == variant_id, ~variants.c.is_on_demand)
    row = (await db.execute(statement)).one_or_none()
    return VariantRecord(*row) if row else None


async def claim_variants(
    db: AsyncConnection, image_id: ImageId, *, now: datetime, lease_until: datetime, wanted_only: bool = False
) -> list[VariantRecord]:
    """Take every variant of an image that waits to be made, in one statement; what another worker holds stays out.

    With `wanted_only` no more than those that a request may be waiting for.

    Stale ones stay READY while they are worked on: their old bytes serve until the new ones are there.
    """
    is_ready = variants.c.state == VariantState.READY
    # Still under a lease means that whoever had it before was lost.
    is_lost = or_(variants.c.state == VariantState.RENDERING, and_(is_ready, variants.c.lease_until.is_not(None)))
    statement = (
        update(variants)
        .where(
            variants.c.image_id == image_id,
            _claimable(now),
            *([variants.c.wanted_at.is_not(None)] if wanted_only else []),
        )
        .values(
            state=case((is_ready, variants.c.state), else_=literal(VariantState.RENDERING, _STATE)),
            attempt=variants.c.attempt + 1,
            losses=variants.c.losses + case((is_lost, 1), else_=0),
            lease_until=lease_until,
            not_before=None,
            # When the bytes changed that serve is what a stale one says.
            updated_at=case((is_ready, variants.c.updated_at), else_=literal(now, variants.c.updated_at.type)),
        )
        .returning(*variants.c)
    )
    claimed = [VariantRecord(*row) for row in await db.execute(statement)]
    return sorted(claimed, key=lambda variant: variant.position)


def is_stale() -> ColumnElement[bool]:
    """READY, and to be made anew."""
    return and_(variants.c.state == VariantState.READY, variants.c.is_stale)


def is_claimed() -> ColumnElement[bool]:
    """Some worker has it, or had it when it was lost."""
    return or_(variants.c.state == VariantState.RENDERING, and_(is_stale(), variants.c.lease_until.is_not(None)))


def _claimable(now: datetime) -> ColumnElement[bool]:
    waits = and_(
        or_(variants.c.state == VariantState.PLANNED, and_(is_stale(), variants.c.lease_until.is_(None))),
        or_(variants.c.not_before.is_(None), variants.c.not_before <= now),
    )
    return or_(waits, _is_lost(now))


def _is_lost(now: datetime) -> ColumnElement[bool]:
    return and_(is_claimed(), variants.c.lease_until < now)


def _is_claim_of(variant: VariantRecord) -> ColumnElement[bool]:
    # Whoever overstayed its lease finds another attempt or another generation here, and changes nothing.
    return and_(
        variants.c.id == variant.id,
        is_claimed(),
        variants.c.attempt == variant.attempt,
        variants.c.generation == variant.generation,
    )


async def finish_claim(db: AsyncConnection, variant: VariantRecord, values: Mapping[str, object]) -> bool:
    """Write the outcome of a claim; False where the claim is no longer ours, and nothing was changed."""
    statement = update(variants).where(_is_claim_of(variant)).values(lease_until=None, **values)
    return (await db.execute(statement)).rowcount == 1


async def delete_claimed(db: AsyncConnection, claimed: Sequence[VariantRecord]) -> None:
    """Delete variants that are claimed by this transaction's caller."""
    await db.execute(delete(variants).where(variants.c.id.in_([variant.id for variant in claimed])))


async def renew_leases(db: AsyncConnection, claimed: Sequence[VariantRecord], *, lease_until: datetime) -> None:
    """Say that these claims, one at least, are still being worked on."""
    conditions = [_is_claim_of(variant) for variant in claimed]
    await db.execute(update(variants).where(or_(*conditions)).values(lease_until=lease_until))


async def update_variants(db: AsyncConnection, image_id: ImageId, values: Mapping[str, object]) -> None:
    """Set columns of every variant of an image."""
    await db.execute(update(variants).where(variants.c.image_id == image_id).values(**values))


async def delete_variants(db: AsyncConnection, image_id: ImageId) -> None:
    """Remove every variant of an image."""
    await db.execute(delete(variants).where(variants.c.image_id == image_id))


async def reset_variants(db: AsyncConnection, image_id: ImageId, *, revision: int) -> None:
    """Make every variant of an image planned again, fencing off whoever works on one."""
    values = {
        "state": VariantState.PLANNED,
        "lease_until": None,
        "not_before": None,
        "wanted_at": None,
        "revision": revision,
    }
    statement = update(variants).where(variants.c.image_id == image_id)
    await db.execute(statement.values(**values, is_stale=False, attempt=variants.c.attempt + 1))


async def begin_generation(
    db: AsyncConnection, image_id: ImageId, *, generation: int, revision: int, now: datetime
) -> None:
    """Make every variant of an image planned, of other bytes than before; nothing is left of the old ones."""
    facts = ("width_px", "height_px", "byte_size", "content_type", "is_animated", "sha256", "object_key")
    values = dict.fromkeys((*facts, "error_code", "error_message"))
    await reset_variants(db, image_id, revision=revision)
    await update_variants(db, image_id, {**values, **FRESH_COUNTS, "generation": generation, "updated_at": now})


async def list_starved(db: AsyncConnection, *, memory_bytes: int, limit: int) -> list[ImageId]:
    """Images with variants that FAILED for want of memory on a worker with less than this."""
    statement = select(variants.c.image_id).where(*_is_starved(memory_bytes)).distinct().limit(limit)
    return list((await db.execute(statement)).scalars())


def _is_starved(memory_bytes: int) -> tuple[ColumnElement[bool], ...]:
    is_failed = variants.c.state == VariantState.FAILED
    return variants.c.lacked_memory_bytes < memory_bytes, is_failed, ~variants.c.is_on_demand


async def replan_failed(
    db: AsyncConnection,
    image_id: ImageId,
    *,
    now: datetime,
    revision: int,
    size: str | None = None,
    memory_bytes: int | None = None,
) -> int:
    """Give every FAILED variant of an image new tries; how many there were.

    With `size` only those of one size, with `memory_bytes` those that FAILED on a worker with less memory.
    """
    # What only somebody's address asked for is tried again when it asks again.
    of_size = ~variants.c.is_on_demand if size is None else variants.c.size == size
    starved = _is_starved(memory_bytes) if memory_bytes is not None else ()
    statement = (
        update(variants)
        .where(variants.c.image_id == image_id, variants.c.state == VariantState.FAILED, of_size, *starved)
        .values(
            **FRESH_COUNTS,
            state=VariantState.PLANNED,
            revision=revision,
            attempt=variants.c.attempt + 1,
            error_code=None,
            error_message=None,
            not_before=None,
            updated_at=now,
        )
    )
    return int((await db.execute(statement)).rowcount)


class Waiting(Enum):
    """Kinds of what should be being made."""

    WANTED = auto()
    """A request may be waiting for it."""
    UNSEEN = auto()
    """Nobody can see it yet."""
    STALE = auto()
    """Its old bytes serve meanwhile."""


async def list_waiting(
    db: AsyncConnection, *, now: datetime, limit: int, which: Waiting = Waiting.UNSEEN
) -> list[tuple[ImageId, int]]:
    """Images with variants that somebody should be making now, each with its claims so far, longest waiting first."""
    is_unfinished = variants.c.state.in_(UNFINISHED)
    kind = {
        Waiting.WANTED: and_(is_unfinished, variants.c.wanted_at.is_not(None)),
        Waiting.UNSEEN: is_unfinished,
        Waiting.STALE: is_stale(),
    }[which]
    statement = (
        select(variants.c.image_id, func.max(variants.c.attempt).label("attempt"))
        .join(images, images.c.id == variants.c.image_id)
        .where(kind, _claimable(now), images.c.uploaded_at.is_not(None))
        .where(images.c.deleted_at.is_(None))
        .group_by(variants.c.image_id)
        .order_by(func.min(variants.c.updated_at))
        .limit(limit)
    )
    return [(row.image_id, row.attempt) for row in await db.execute(statement)]


async def list_worn_out(db: AsyncConnection, *, now: datetime, max_losses: int, limit: int) -> list[VariantRecord]:
    """Variants that were lost with their workers again and again: nobody should claim them once more."""
    statement = select(variants).where(_is_lost(now), variants.c.losses >= max_losses).limit(limit)
    return [VariantRecord(*row) for row in await db.execute(statement)]
