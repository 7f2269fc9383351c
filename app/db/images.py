"""SQL for images: read, register, change. Lists are in `app.db.listing`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.image_columns import ColumnNames, ImageColumns, columns_named
from app.db.records import ImageRecord
from app.db.tables import images, variants
from app.domain.states import ImageState
from app.domain.variants import VariantState
from app.ids import AccountId, ImageId


async def insert_image(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add a draft."""
    await db.execute(insert(images).values(**values))


async def find_image(
    db: AsyncConnection, image_id: ImageId, *, for_update: bool = False, columns: ColumnNames | None = None
) -> ImageRecord | None:
    """The image of this id; an alias is answered as itself. `columns` are read beside the id; None stands for all."""
    read = columns_named(columns)
    query = _by_id(read)
    found = await db.execute(query.with_for_update() if for_update else query, {"image_id": image_id})
    row = found.one_or_none()
    return read.record_of(row) if row else None


# Building the statement anew takes longer than all else that a look at one row costs: 85 of 120 µs.
@lru_cache(maxsize=256)
def _by_id(columns: ImageColumns) -> Select[*tuple[Any, ...]]:
    return select(*columns.selected).where(images.c.id == bindparam("image_id"))


async def find_images(db: AsyncConnection, image_ids: Sequence[ImageId]) -> dict[ImageId, ImageRecord]:
    """Those of the ids that exist, with what the aliases among them stand for under the alias's own id."""
    return (await find_images_and_aliases(db, image_ids))[0]


async def find_images_and_aliases(
    db: AsyncConnection, image_ids: Sequence[ImageId]
) -> tuple[dict[ImageId, ImageRecord], dict[ImageId, ImageRecord]]:
    """What `find_images` gives, and beside it the rows of the aliases themselves."""
    found = {row.id: ImageRecord(*row) for row in await db.execute(select(images).where(images.c.id.in_(image_ids)))}
    aliases = {key: record for key, record in found.items() if record.alias_of is not None}
    if not aliases:
        return found, aliases
    ids = {record.alias_of for record in aliases.values()}
    targets = {row.id: ImageRecord(*row) for row in await db.execute(select(images).where(images.c.id.in_(ids)))}
    return {
        key: targets.get(record.alias_of, record) if record.alias_of else record for key, record in found.items()
    }, aliases


async def find_image_by(db: AsyncConnection, **wanted: object) -> ImageRecord | None:
    """The one image whose columns have these values; only for columns that are unique together."""
    row = (await db.execute(select(images).filter_by(**wanted))).one_or_none()
    return ImageRecord(*row) if row else None


async def update_image(db: AsyncConnection, image_id: ImageId, values: Mapping[str, object]) -> None:
    """Set columns of one image."""
    await db.execute(update(images).where(images.c.id == image_id).values(**values))


async def bump_revision(db: AsyncConnection, image_id: ImageId, *, now: datetime) -> int | None:
    """Count one change of readiness and hold the image's row until the transaction ends; None where there is no image.

    It comes before the variants are touched: two variants that finish at once then get different revisions.
    """
    statement = (
        update(images)
        .where(images.c.id == image_id)
        .values(revision=images.c.revision + 1, updated_at=now)
        .returning(images.c.revision)
    )
    revision: int | None = (await db.execute(statement)).scalar_one_or_none()
    return revision


async def settle_state(db: AsyncConnection, image_id: ImageId, *, leaves_draft: bool = False) -> None:
    """Make an image's state say what its variants say, but for those that are only there because they were asked for.

    A draft stays one, unless `leaves_draft` says that its upload was answered just now.
    """
    of_image = and_(variants.c.image_id == image_id, ~variants.c.is_on_demand)
    unfinished = exists().where(of_image, variants.c.state.in_((VariantState.PLANNED, VariantState.RENDERING)))
    broken = exists().where(of_image, variants.c.state == VariantState.FAILED)
    state = case((unfinished, ImageState.PROCESSING), (broken, ImageState.FAILED), else_=ImageState.READY)
    statement = update(images).where(images.c.id == image_id)
    if not leaves_draft:
        statement = statement.where(images.c.state != ImageState.AWAITING_UPLOAD)
    await db.execute(statement.values(state=state))


async def changed_images(db: AsyncConnection, *, since: datetime, limit: int) -> list[tuple[ImageId, datetime]]:
    """What changed since, and when, newest first. Not every change makes a new revision: visibility makes none."""
    statement = (
        select(images.c.id, images.c.updated_at)
        .where(images.c.updated_at >= since)
        .order_by(images.c.updated_at.desc())
        .limit(limit)
    )
    return [(row.id, row.updated_at) for row in await db.execute(statement)]


async def list_changed(
    db: AsyncConnection, owner_ids: Collection[AccountId], *, since: datetime, limit: int
) -> list[ImageId]:
    """Ids of those of these owners' images that changed since, the oldest change first; no aliases."""
    statement = (
        select(images.c.id)
        .where(images.c.owner_id.in_(owner_ids), images.c.updated_at >= since, images.c.alias_of.is_(None))
        .order_by(images.c.updated_at)
        .limit(limit)
    )
    return list((await db.execute(statement)).scalars())


async def add_views(db: AsyncConnection, counts: Mapping[ImageId, int]) -> None:
    """Count looks at images, in the order given. Nothing else of an image changes by them, nor does `updated_at`."""
    statement = (
        update(images).where(images.c.id == bindparam("looked_at")).values(views=images.c.views + bindparam("n"))
    )
    await db.execute(statement, [{"looked_at": image_id, "n": count} for image_id, count in counts.items()])


async def usage_of(db: AsyncConnection, owner_id: AccountId) -> tuple[int, int]:
    """Number of the owner's images (no drafts, no aliases) and the bytes of their originals, the trash included."""
    statement = select(func.count(), func.coalesce(func.sum(images.c.byte_size), 0)).where(
        images.c.owner_id == owner_id, images.c.alias_of.is_(None), images.c.state != ImageState.AWAITING_UPLOAD
    )
    count, used_bytes = (await db.execute(statement)).one()
    return int(count), int(used_bytes)


async def named_keys(db: AsyncConnection, image_ids: Iterable[ImageId]) -> set[str]:
    """The object keys that rows of these images name."""
    wanted = list(image_ids)
    uploads = select(images.c.upload_key).where(images.c.id.in_(wanted), images.c.upload_key.is_not(None))
    rendered = select(variants.c.object_key).where(variants.c.image_id.in_(wanted), variants.c.object_key.is_not(None))
    return set((await db.execute(uploads)).scalars()) | set((await db.execute(rendered)).scalars())
