"""SQL that notes where images and albums were before, for the addresses that lead to them still."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import AlbumRecord, ImageRecord
from app.db.tables import images, old_places, old_slugs
from app.ids import make_uuid

MAX_OLD_PLACES = 50
"""Of one image; and so many old slugs of one album. Whoever renames more often loses the oldest."""


async def note_old_place(db: AsyncConnection, image: ImageRecord, *, now: datetime) -> None:
    """Remember where an image, whose row is held, is until now."""
    here = (
        old_places.c.image_id == image.id,
        old_places.c.filename == image.filename,
        old_places.c.album_id == image.album_id if image.album_id is not None else old_places.c.album_id.is_(None),
    )
    await db.execute(delete(old_places).where(*here))
    newest = select(old_places.c.id).where(old_places.c.image_id == image.id)
    kept = newest.order_by(old_places.c.created_at.desc(), old_places.c.id.desc()).limit(MAX_OLD_PLACES - 1)
    await db.execute(delete(old_places).where(old_places.c.image_id == image.id, old_places.c.id.not_in(kept)))
    await db.execute(
        insert(old_places).values(
            id=make_uuid(),
            image_id=image.id,
            owner_id=image.owner_id,
            album_id=image.album_id,
            filename=image.filename,
            created_at=now,
        )
    )


async def note_old_slug(db: AsyncConnection, album: AlbumRecord, *, now: datetime) -> None:
    """Remember what an album, whose row is held, is called until now."""
    of_album = old_slugs.c.album_id == album.id
    await db.execute(delete(old_slugs).where(of_album, old_slugs.c.slug == album.slug))
    newest = select(old_slugs.c.id).where(of_album).order_by(old_slugs.c.created_at.desc(), old_slugs.c.id.desc())
    kept = newest.limit(MAX_OLD_PLACES - 1).scalar_subquery()
    await db.execute(delete(old_slugs).where(of_album, old_slugs.c.id.not_in(kept)))
    await db.execute(
        insert(old_slugs).values(
            id=make_uuid(), owner_id=album.owner_id, slug=album.slug, album_id=album.id, created_at=now
        )
    )


async def note_emptied(db: AsyncConnection, album: AlbumRecord, *, now: datetime) -> None:
    """Remember an album that is going to be deleted, and every image that is in it until now; their rows are held."""
    await note_old_slug(db, album, now=now)
    inside = select(images.c.id, images.c.filename).where(images.c.album_id == album.id, images.c.alias_of.is_(None))
    shared = {"owner_id": album.owner_id, "album_id": album.id, "created_at": now}
    rows = [
        {"id": make_uuid(), "image_id": row.id, "filename": row.filename, **shared} for row in await db.execute(inside)
    ]
    if rows:
        await db.execute(insert(old_places), rows)
