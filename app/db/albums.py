"""SQL for albums: find, list, count, change, and what is in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Uuid, and_, bindparam, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as insert_in_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_in_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.list_statements import is_listed
from app.db.records import AlbumRecord
from app.db.tables import albums, images, upload_sessions
from app.db.types import UTCDateTime
from app.domain.formats import ImageFormat
from app.domain.states import OPEN_STATES
from app.ids import AccountId, AlbumId, ImageId


@dataclass(frozen=True, slots=True)
class AlbumSize:
    """How much is in an album, without drafts and the trash."""

    images: int = 0
    byte_size: int = 0


# Built once, as lists of images ask for it: that takes longer than the answer does.
_BY_IDS = select(albums).where(albums.c.id.in_(bindparam("album_ids", expanding=True)))


async def insert_album(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add an album."""
    await db.execute(insert(albums).values(**values))


async def insert_album_where_absent(db: AsyncConnection, values: Mapping[str, object]) -> None:
    """Add an album, unless its owner has one of its slug."""
    kind = insert_in_postgresql if db.dialect.name == "postgresql" else insert_in_sqlite
    await db.execute(kind(albums).values(**values).on_conflict_do_nothing())


async def update_album(db: AsyncConnection, album_id: AlbumId, values: Mapping[str, object]) -> None:
    """Set columns of one album."""
    await db.execute(update(albums).where(albums.c.id == album_id).values(**values))


async def delete_album(db: AsyncConnection, album_id: AlbumId) -> None:
    """Remove an album's row; its images were taken out before."""
    await db.execute(delete(albums).where(albums.c.id == album_id))


async def find_album(db: AsyncConnection, album_id: AlbumId, *, for_update: bool = False) -> AlbumRecord | None:
    """The album of this id; `for_update` holds its row until the transaction ends."""
    query = select(albums).where(albums.c.id == album_id)
    row = (await db.execute(query.with_for_update() if for_update else query)).one_or_none()
    return AlbumRecord(*row) if row else None


async def find_album_by_slug(db: AsyncConnection, owner_id: AccountId, slug: str) -> AlbumRecord | None:
    """The owner's album of this slug."""
    query = select(albums).where(albums.c.owner_id == owner_id, albums.c.slug == slug)
    row = (await db.execute(query)).one_or_none()
    return AlbumRecord(*row) if row else None


async def find_albums(db: AsyncConnection, album_ids: Sequence[AlbumId]) -> dict[AlbumId, AlbumRecord]:
    """Those of the ids that exist."""
    rows = await db.execute(_BY_IDS, {"album_ids": album_ids})
    return {row.id: AlbumRecord(*row) for row in rows}


async def list_albums(
    db: AsyncConnection,
    owner_id: AccountId,
    *,
    limit: int,
    beyond: tuple[datetime, AlbumId] | None = None,
    is_backward: bool = False,
) -> list[AlbumRecord]:
    """At most `limit` of the owner's albums beyond a place, nearest first; newest first, or `is_backward` oldest."""
    key = tuple_(albums.c.created_at, albums.c.id)
    statement = select(albums).where(albums.c.owner_id == owner_id).limit(limit)
    if beyond is not None:
        bound = tuple_(literal(beyond[0], UTCDateTime()), literal(beyond[1], Uuid()))
        statement = statement.where(key > bound if is_backward else key < bound)
    columns = (albums.c.created_at, albums.c.id)
    ordered = statement.order_by(*(column if is_backward else column.desc() for column in columns))
    return [AlbumRecord(*row) for row in await db.execute(ordered)]


async def count_albums(db: AsyncConnection, owner_id: AccountId) -> int:
    """How many albums the owner has."""
    statement = select(func.count()).select_from(albums).where(albums.c.owner_id == owner_id)
    count: int = (await db.execute(statement)).scalar_one()
    return count


async def measure_albums(db: AsyncConnection, album_ids: Sequence[AlbumId]) -> dict[AlbumId, AlbumSize]:
    """Images and bytes in each of these albums; those with nothing in them are left out."""
    statement = (
        select(images.c.album_id, func.count(), func.coalesce(func.sum(images.c.byte_size), 0))
        .where(images.c.album_id.in_(album_ids), is_listed())
        .group_by(images.c.album_id)
    )
    return {row[0]: AlbumSize(int(row[1]), int(row[2])) for row in await db.execute(statement)}


async def find_covers(db: AsyncConnection, album_ids: Sequence[AlbumId]) -> dict[AlbumId, ImageId]:
    """The chosen cover of each album, as long as it is listed in it; else its newest image."""
    inside = and_(images.c.album_id == albums.c.id, is_listed())
    chosen = select(images.c.id).where(inside, images.c.id == albums.c.cover_id).correlate(albums)
    newest = select(images.c.id).where(inside).correlate(albums)
    newest = newest.order_by(images.c.created_at.desc(), images.c.id.desc()).limit(1)
    cover = func.coalesce(chosen.scalar_subquery(), newest.scalar_subquery(), type_=Uuid())
    rows = await db.execute(select(albums.c.id, cover).where(albums.c.id.in_(album_ids)))
    return {row[0]: ImageId(row[1]) for row in rows if row[1] is not None}


async def names_in_album(
    db: AsyncConnection, album_id: AlbumId, *, but: ImageId | None, like: str | None = None, exactly: str | None = None
) -> set[str]:
    """Filenames that are taken in an album: of its images, and of drafts whose sessions are open.

    `like` is an SQL pattern with `\\` before what is meant as it is; `but` is the image that a name is looked for.
    """
    statement = select(images.c.filename).where(
        images.c.album_id == album_id,
        images.c.deleted_at.is_(None),
        images.c.alias_of.is_(None),
        or_(images.c.uploaded_at.is_not(None), is_coming()),
    )
    if but is not None:
        statement = statement.where(images.c.id != but)
    if exactly is not None:
        statement = statement.where(images.c.filename == exactly)
    if like is not None:
        statement = statement.where(images.c.filename.like(like, escape="\\"))
    return set((await db.execute(statement)).scalars())


def is_coming() -> ColumnElement[bool]:
    """Is there a session whose bytes an image waits for?"""
    of_image = upload_sessions.c.image_id == images.c.id
    return select(upload_sessions.c.id).where(of_image, upload_sessions.c.state.in_(OPEN_STATES)).exists()


@dataclass(frozen=True, slots=True)
class UploadInAlbum:
    """The bytes of one image, as they came."""

    filename: str
    byte_size: int
    key: str
    uploaded_at: datetime
    format: ImageFormat


async def list_uploads_in(db: AsyncConnection, album_id: AlbumId) -> list[UploadInAlbum]:
    """Every upload that is listed in an album, by its filename."""
    columns = (images.c.filename, images.c.byte_size, images.c.upload_key, images.c.uploaded_at, images.c.format)
    statement = select(*columns).where(images.c.album_id == album_id, is_listed(), images.c.upload_key.is_not(None))
    return [UploadInAlbum(*row) for row in await db.execute(statement.order_by(images.c.filename, images.c.id))]


async def hold_images_of(db: AsyncConnection, album_id: AlbumId) -> None:
    """Hold the rows of an album's images, in the order of their ids, before the album's own."""
    statement = select(images.c.id).where(images.c.album_id == album_id).order_by(images.c.id)
    await db.execute(statement.with_for_update())


async def empty_album(
    db: AsyncConnection, album_id: AlbumId, *, now: datetime, into_trash: bool
) -> tuple[list[ImageId], int]:
    """Take every image out of an album; all of their ids, and how many of them were listed.

    `into_trash` moves those that are listed there; drafts and what is in the trash already only lose their album.
    """
    listed = {}
    if into_trash:
        listed = {"deleted_at": now, "dedupe_key": None, "revision": images.c.revision + 1}
    here = images.c.album_id == album_id
    counted = (
        update(images).where(here, is_listed()).values(album_id=None, updated_at=now, **listed).returning(images.c.id)
    )
    taken_out = list((await db.execute(counted)).scalars())
    rest = update(images).where(here).values(album_id=None, updated_at=now).returning(images.c.id)
    return taken_out + list((await db.execute(rest)).scalars()), len(taken_out)
