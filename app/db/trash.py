"""SQL for deleting and restoring: hold many images at once, find what is overdue, remove rows for good."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import ImageRecord
from app.db.tables import albums, images, upload_sessions
from app.ids import ImageId


async def hold_images(db: AsyncConnection, image_ids: Collection[ImageId]) -> dict[ImageId, ImageRecord]:
    """Those of the ids that exist, with what the aliases among them stand for under the alias's own id.

    The rows are held until the transaction ends, in the order of their ids: two who hold several never wait for each
    other in a circle.
    """
    found = await _hold(db, image_ids)
    aliases = {record.alias_of for record in found.values() if record.alias_of is not None}
    targets = await _hold(db, aliases - found.keys()) | found if aliases else found
    return {key: targets[record.alias_of] if record.alias_of else record for key, record in found.items()}


async def _hold(db: AsyncConnection, image_ids: Collection[ImageId]) -> dict[ImageId, ImageRecord]:
    statement = select(images).where(images.c.id.in_(image_ids)).order_by(images.c.id).with_for_update()
    return {row.id: ImageRecord(*row) for row in await db.execute(statement)}


async def list_overdue(db: AsyncConnection, *, deleted_before: datetime, limit: int) -> list[ImageRecord]:
    """Images that have been in the trash since before this moment, the longest first.

    Their rows are held until the transaction ends. One that somebody else holds is left out, as it may be restored.
    """
    statement = select(images).where(images.c.deleted_at < deleted_before).order_by(images.c.deleted_at).limit(limit)
    return [ImageRecord(*row) for row in await db.execute(statement.with_for_update(skip_locked=True))]


async def remove_images(db: AsyncConnection, image_ids: Sequence[ImageId]) -> list[ImageId]:
    """Delete images with all that belongs to them, their aliases and sessions included; the ids of all that went."""
    doomed = or_(images.c.id.in_(image_ids), images.c.alias_of.in_(image_ids))
    gone = list((await db.execute(select(images.c.id).where(doomed))).scalars())
    await db.execute(delete(upload_sessions).where(upload_sessions.c.image_id.in_(gone)))
    await db.execute(update(albums).where(albums.c.cover_id.in_(gone)).values(cover_id=None))
    # The aliases first: they name the images.
    await db.execute(delete(images).where(images.c.alias_of.in_(image_ids)))
    await db.execute(delete(images).where(images.c.id.in_(image_ids)))
    return gone
