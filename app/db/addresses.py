"""SQL that finds what a pretty address names: an image by its place, or by one where it was before."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.albums import is_coming
from app.db.records import AccountRecord
from app.db.tables import accounts, albums, images, old_places, old_slugs
from app.db.tables import variant_presets as presets
from app.domain.access import Visibility
from app.ids import AccountId, AlbumId, ImageId

_MAX_OLD_ALBUMS = 5


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in an owner's library to look for a file."""

    owner_id: AccountId
    album_id: AlbumId | None
    filenames: Sequence[str]
    """The best first: what was asked for, then the same with the extensions that may be missing."""
    is_public_only: bool
    """True leaves private images out, as if they were not there."""


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """What a pretty address names, as it stands there."""

    owner_name: str
    album_slug: str | None
    filenames: Sequence[str]
    viewer_id: AccountId | None
    """The account that sees its own private images; None for strangers."""
    own_size: str | None
    """The size, if it may be a preset of the owner's, which may show private images."""


async def find_account_by_hash(db: AsyncConnection, account_hash: str) -> AccountRecord | None:
    """The account that this stands for in Cloudflare's delivery addresses."""
    row = (await db.execute(select(accounts).where(accounts.c.account_hash == account_hash))).one_or_none()
    return AccountRecord(*row) if row else None


async def list_album_ids(db: AsyncConnection, owner_id: AccountId, slug: str) -> list[tuple[AlbumId, bool]]:
    """The album of this slug, then those that were called so before, last first; and whether the slug is old."""
    now = select(albums.c.id).where(albums.c.owner_id == owner_id, albums.c.slug == slug)
    found = [(AlbumId(album_id), False) for album_id in (await db.execute(now)).scalars()]
    before = (
        select(old_slugs.c.album_id)
        .where(old_slugs.c.owner_id == owner_id, old_slugs.c.slug == slug)
        .order_by(old_slugs.c.created_at.desc(), old_slugs.c.id.desc())
        .limit(_MAX_OLD_ALBUMS)
    )
    known = {album_id for album_id, _ in found}
    old = dict.fromkeys(AlbumId(album_id) for album_id in (await db.execute(before)).scalars())
    return found + [(album_id, True) for album_id in old if album_id not in known]


async def find_at(db: AsyncConnection, spot: Spot) -> ImageId | None:
    """The image at a spot: of several outside of albums the one that was uploaded last, and none that waits for it."""
    is_draft = images.c.uploaded_at.is_(None)
    statement = (
        select(images.c.id)
        .where(_is_in(images.c.album_id, spot), images.c.owner_id == spot.owner_id)
        .where(images.c.filename.in_(spot.filenames), _is_there(spot), or_(~is_draft, is_coming()))
        .order_by(images.c.filename != spot.filenames[0], is_draft, images.c.uploaded_at.desc(), images.c.id.desc())
        .limit(1)
    )
    return _image_id((await db.execute(statement)).scalar_one_or_none())


async def find_moved(db: AsyncConnection, spot: Spot) -> ImageId | None:
    """The image that was at a spot before, and is somewhere still; of several the one that left last."""
    statement = (
        select(images.c.id)
        .join(old_places, old_places.c.image_id == images.c.id)
        .where(_is_in(old_places.c.album_id, spot), old_places.c.owner_id == spot.owner_id)
        .where(old_places.c.filename.in_(spot.filenames), _is_there(spot), images.c.uploaded_at.is_not(None))
        .order_by(old_places.c.filename != spot.filenames[0], old_places.c.created_at.desc(), old_places.c.id.desc())
        .limit(1)
    )
    return _image_id((await db.execute(statement)).scalar_one_or_none())


async def find_owner_of_place(db: AsyncConnection, place: NamedPlace) -> AccountId | None:
    """The owner, if the viewer may see an image that is or was at this place.

    One statement for owner, album and file: a miss takes as long whichever of them is wrong, and names none of them.
    """
    here = _at_place(place, images.c.album_id, images.c.filename).where(
        images.c.owner_id == accounts.c.id, or_(images.c.uploaded_at.is_not(None), is_coming())
    )
    before = (
        _at_place(place, old_places.c.album_id, old_places.c.filename)
        .join(old_places, old_places.c.image_id == images.c.id)
        .where(old_places.c.owner_id == accounts.c.id, images.c.uploaded_at.is_not(None))
    )
    exists = or_(here.correlate(accounts).exists(), before.correlate(accounts).exists())
    statement = select(accounts.c.id).where(accounts.c.username == place.owner_name, exists)
    owner_id = (await db.execute(statement)).scalar_one_or_none()
    return AccountId(owner_id) if owner_id is not None else None


def _at_place(place: NamedPlace, album_id: ColumnElement[object], filename: ColumnElement[str]) -> Select[tuple[UUID]]:
    is_free = select(presets.c.id).where(
        presets.c.owner_id == accounts.c.id, presets.c.name == place.own_size, presets.c.never_require_signed_urls
    )
    is_seen = [images.c.visibility == Visibility.PUBLIC, accounts.c.id == place.viewer_id]
    if place.own_size is not None:
        is_seen.append(is_free.correlate(accounts).exists())
    now = select(albums.c.id).where(albums.c.owner_id == accounts.c.id, albums.c.slug == place.album_slug)
    before = select(old_slugs.c.album_id).where(
        old_slugs.c.owner_id == accounts.c.id, old_slugs.c.slug == place.album_slug
    )
    is_in_album = or_(album_id.in_(now.correlate(accounts)), album_id.in_(before.correlate(accounts)))
    return (
        select(images.c.id)
        .where(filename.in_(place.filenames), album_id.is_(None) if place.album_slug is None else is_in_album)
        .where(images.c.deleted_at.is_(None), images.c.alias_of.is_(None), or_(*is_seen))
    )


def _is_in(column: ColumnElement[object], spot: Spot) -> ColumnElement[bool]:
    return column.is_(None) if spot.album_id is None else column == spot.album_id


def _is_there(spot: Spot) -> ColumnElement[bool]:
    is_here = and_(images.c.deleted_at.is_(None), images.c.alias_of.is_(None))
    return and_(is_here, images.c.visibility == Visibility.PUBLIC) if spot.is_public_only else is_here


def _image_id(found: object) -> ImageId | None:
    return ImageId(found) if found is not None else None  # type: ignore[arg-type]  # a column's value
