"""SQL for tags: those of one image, and how often each is used."""

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.list_statements import is_listed
from app.db.tables import image_tags, images
from app.ids import AccountId, ImageId


async def replace_tags(db: AsyncConnection, owner_id: AccountId, image_id: ImageId, tags: Sequence[str]) -> None:
    """Make these the tags of an image, for filters and counts."""
    await db.execute(delete(image_tags).where(image_tags.c.image_id == image_id))
    rows = [{"image_id": image_id, "tag": tag, "owner_id": owner_id} for tag in tags]
    if rows:
        await db.execute(insert(image_tags), rows)


async def count_tags(db: AsyncConnection, owner_id: AccountId, *, prefix: str, limit: int) -> list[tuple[str, int]]:
    """Tags of the owner's listed images that begin with `prefix`, and how many images have each; most used first."""
    count = func.count()
    statement = (
        select(image_tags.c.tag, count)
        .join(images, images.c.id == image_tags.c.image_id)
        .where(image_tags.c.owner_id == owner_id, is_listed())
        .group_by(image_tags.c.tag)
        .order_by(count.desc(), image_tags.c.tag)
        .limit(limit)
    )
    if prefix:
        statement = statement.where(func.substr(image_tags.c.tag, 1, len(prefix)) == prefix)
    return [(row[0], int(row[1])) for row in await db.execute(statement)]
