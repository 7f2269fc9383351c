"""SQL for variants that must be made anew, or be gone, because the rule behind them changed."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, delete, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import images, variants
from app.db.variants import FRESH_COUNTS, is_claimed
from app.domain.states import ImageState
from app.domain.variants import VariantState
from app.ids import AccountId, ImageId, VariantId


def of_owner(owner_id: AccountId, size: str) -> ColumnElement[bool]:
    """Every variant of this size of an owner's images."""
    owned = select(images.c.id).where(images.c.owner_id == owner_id)
    return and_(variants.c.size == size, variants.c.image_id.in_(owned))


def of_image(image_id: ImageId, sizes: Collection[str]) -> ColumnElement[bool]:
    """Those of one image's variants that have one of these sizes."""
    return and_(variants.c.image_id == image_id, variants.c.size.in_(sizes))


def of_ids(variant_ids: Collection[VariantId]) -> ColumnElement[bool]:
    """These variants."""
    return variants.c.id.in_(variant_ids)


async def make_anew(db: AsyncConnection, selection: ColumnElement[bool], *, now: datetime) -> list[ImageId]:
    """Have variants made by today's rule; whose they are.

    READY ones become stale and serve their old bytes meanwhile; who works on one by the old rule is fenced off.
    FAILED ones stay as they are.
    """
    is_ready = variants.c.state == VariantState.READY
    state_type, moment_type = variants.c.state.type, variants.c.not_before.type
    statement = (
        update(variants)
        .where(selection, variants.c.state != VariantState.FAILED)
        .values(
            is_stale=is_ready,
            state=case(
                (variants.c.state == VariantState.RENDERING, literal(VariantState.PLANNED, state_type)),
                else_=variants.c.state,
            ),
            attempt=case((is_claimed(), variants.c.attempt + 1), else_=variants.c.attempt),
            **FRESH_COUNTS,
            lease_until=None,
            # Of a stale variant it also says since when it is one.
            not_before=case((is_ready, literal(now, moment_type)), else_=null()),
        )
        .returning(variants.c.image_id)
    )
    return list(dict.fromkeys((await db.execute(statement)).scalars()))


async def list_failed(db: AsyncConnection, selection: ColumnElement[bool]) -> list[ImageId]:
    """The images of those among the variants that are FAILED, in the order of their ids."""
    statement = select(variants.c.image_id).where(selection, variants.c.state == VariantState.FAILED).distinct()
    return list((await db.execute(statement.order_by(variants.c.image_id))).scalars())


async def list_images(db: AsyncConnection, selection: ColumnElement[bool]) -> list[ImageId]:
    """Whose these variants are."""
    return list((await db.execute(select(variants.c.image_id).where(selection).distinct())).scalars())


async def count_changes(db: AsyncConnection, selection: ColumnElement[bool], *, now: datetime) -> dict[ImageId, bool]:
    """Count one change of readiness of each image of these variants; which of them may have another state afterwards.

    The images' rows are held until the transaction ends.
    """
    statement = (
        update(images)
        .where(images.c.id.in_(select(variants.c.image_id).where(selection)))
        .values(revision=images.c.revision + 1, updated_at=now)
        .returning(images.c.id, images.c.state)
    )
    unsettled = {ImageState.PROCESSING, ImageState.FAILED}
    return {row.id: row.state in unsettled for row in await db.execute(statement)}


async def delete_selected(db: AsyncConnection, selection: ColumnElement[bool]) -> list[str]:
    """Delete variants; the keys of the objects that they leave."""
    statement = delete(variants).where(selection).returning(variants.c.object_key)
    return [key for key in (await db.execute(statement)).scalars() if key is not None]
