"""SQL that looks for what went wrong: for the audit, page by page, and for the sweep."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import ImageRecord, VariantRecord
from app.db.tables import images, upload_sessions, variants
from app.db.variants import FRESH_COUNTS, UNFINISHED, is_claimed, is_stale
from app.domain.states import ImageState, SessionState
from app.domain.variants import ATTEMPT_STRIDE, VariantState
from app.ids import ImageId


async def list_running_leases(db: AsyncConnection, image_ids: Iterable[ImageId]) -> list[tuple[ImageId, UUID]]:
    """The leases under which bytes of these images are coming in, expired ones that nobody has ended too."""
    statement = select(upload_sessions.c.image_id, upload_sessions.c.lease_id).where(
        upload_sessions.c.image_id.in_(list(image_ids)),
        upload_sessions.c.state == SessionState.RECEIVING,
        upload_sessions.c.lease_id.is_not(None),
    )
    return [(row.image_id, row.lease_id) for row in await db.execute(statement)]


async def list_running_claims(db: AsyncConnection, image_ids: Iterable[ImageId]) -> list[VariantRecord]:
    """The variants of these images that some worker has claimed."""
    statement = select(variants).where(variants.c.image_id.in_(list(image_ids)), is_claimed())
    return [VariantRecord(*row) for row in await db.execute(statement)]


async def list_staged_keys(db: AsyncConnection, image_ids: Iterable[ImageId]) -> set[str]:
    """The object keys of replacements of these images that wait for their verdict."""
    statement = select(upload_sessions.c.staged_key).where(
        upload_sessions.c.image_id.in_(list(image_ids)), upload_sessions.c.staged_key.is_not(None)
    )
    return set((await db.execute(statement)).scalars())


async def list_troubled(db: AsyncConnection, *, since: datetime, until: datetime) -> list[ImageId]:
    """Images that changed in this time and may have left an object behind.

    Those are drafts, duplicates, whatever took more than one try to render, and whatever was or is to be replaced.
    """
    # What is made on demand begins to count at a multiple of the stride.
    tries = variants.c.attempt % ATTEMPT_STRIDE
    tried_again = exists().where(variants.c.image_id == images.c.id, tries > 1)
    replaced = exists().where(upload_sessions.c.image_id == images.c.id, upload_sessions.c.is_replacement)
    statement = select(images.c.id).where(
        images.c.updated_at > since,
        images.c.updated_at <= until,
        # A draft that nobody touched since its session was opened has no bytes.
        images.c.updated_at > images.c.created_at,
        or_(images.c.uploaded_at.is_(None), images.c.alias_of.is_not(None), tried_again, replaced),
    )
    return list((await db.execute(statement)).scalars())


async def list_ready_variants(db: AsyncConnection, *, after: UUID | None, limit: int) -> list[VariantRecord]:
    """READY variants in the order of their ids, beyond `after`."""
    statement = select(variants).where(variants.c.state == VariantState.READY).order_by(variants.c.id).limit(limit)
    rows = await db.execute(statement if after is None else statement.where(variants.c.id > after))
    return [VariantRecord(*row) for row in rows]


async def list_uploaded_images(db: AsyncConnection, *, after: UUID | None, limit: int) -> list[ImageRecord]:
    """Images that have their bytes, in the order of their ids, beyond `after`."""
    statement = select(images).where(images.c.uploaded_at.is_not(None)).order_by(images.c.id).limit(limit)
    rows = await db.execute(statement if after is None else statement.where(images.c.id > after))
    return [ImageRecord(*row) for row in rows]


async def find_present(db: AsyncConnection, image_ids: Iterable[ImageId]) -> set[ImageId]:
    """Those of the ids that have a row."""
    return set((await db.execute(select(images.c.id).where(images.c.id.in_(list(image_ids))))).scalars())


async def count_stuck(db: AsyncConnection, *, before: datetime) -> int:
    """What should have been finished by `before` and is not.

    Variants of uploaded images whose last change and whose pause are over, uploads whose receiver is lost, and images
    whose state is not what their variants say.
    """
    waits = and_(
        variants.c.state.in_(UNFINISHED),
        variants.c.updated_at < before,
        or_(variants.c.not_before.is_(None), variants.c.not_before < before),
        images.c.uploaded_at.is_not(None),
        images.c.deleted_at.is_(None),
    )
    # A stale variant has its moment in `not_before`; `updated_at` is that of the bytes that serve.
    since = func.coalesce(variants.c.lease_until, variants.c.not_before)
    stale = and_(is_stale(), since < before, images.c.uploaded_at.is_not(None), images.c.deleted_at.is_(None))
    waits = or_(waits, stale)
    waiting = select(func.count()).select_from(variants.join(images, images.c.id == variants.c.image_id)).where(waits)
    lease_or_start = func.coalesce(upload_sessions.c.lease_until, upload_sessions.c.updated_at)
    lost = and_(upload_sessions.c.state == SessionState.RECEIVING, lease_or_start < before)
    receiving = select(func.count()).select_from(upload_sessions).where(lost)
    is_shown = and_(variants.c.image_id == images.c.id, ~variants.c.is_on_demand)
    has_unfinished = exists().where(is_shown, variants.c.state.in_(UNFINISHED))
    is_behind = and_(
        images.c.uploaded_at.is_not(None),
        images.c.alias_of.is_(None),
        images.c.updated_at < before,
        images.c.state.in_((ImageState.AWAITING_UPLOAD, ImageState.PROCESSING)),
        ~has_unfinished,
    )
    behind = select(func.count()).select_from(images).where(is_behind)
    return sum([int((await db.execute(statement)).scalar_one()) for statement in (waiting, receiving, behind)])


async def replan_lost(db: AsyncConnection, variant: VariantRecord, *, now: datetime, revision: int) -> bool:
    """Let a READY variant be made anew because its bytes are gone; False where it changed meanwhile."""
    statement = (
        update(variants)
        .where(
            variants.c.id == variant.id,
            variants.c.state == VariantState.READY,
            variants.c.object_key == variant.object_key,
        )
        .values(
            state=VariantState.PLANNED,
            revision=revision,
            **FRESH_COUNTS,
            not_before=None,
            lease_until=None,
            is_stale=False,
            object_key=None,
            updated_at=now,
        )
    )
    return (await db.execute(statement)).rowcount == 1


async def clear_pauses(db: AsyncConnection, image_id: ImageId) -> None:
    """Let an image's PLANNED variants be claimed now, with fresh counts of failures."""
    statement = update(variants).where(variants.c.image_id == image_id, variants.c.state == VariantState.PLANNED)
    await db.execute(statement.values(**FRESH_COUNTS, not_before=None))
