"""Where images are: albums by their names, and filenames within them, of which no two are the same."""

from datetime import datetime

from app.db.albums import find_album, find_album_by_slug, insert_album_where_absent, names_in_album
from app.db.engine import Transaction
from app.domain.albums import check_slug, is_slug
from app.domain.filenames import number_filename, split_filename
from app.errors import InvalidRequest, NotFound
from app.ids import AccountId, AlbumId, ImageId, make_uuid

_COMPARED_CHARACTERS = 64


async def get_album_id(
    db: Transaction, owner_id: AccountId, album_id: AlbumId | None, album_slug: str | None
) -> AlbumId | None:
    """The owner's album of this id or slug; None where neither is given.

    Raises:
        NotFound: there is none; `details.field` says by which name it was asked for.
        InvalidRequest: both are given.
    """
    if album_id is not None and album_slug is not None:
        raise InvalidRequest("Give albumId or albumSlug, not both.", details={"field": "albumSlug"})
    if album_id is not None:
        album = await find_album(db, album_id)
        if album is None or album.owner_id != owner_id:
            raise NotFound("There is no such album.", details={"field": "albumId"})
        return album.id
    if album_slug is not None:
        album = await find_album_by_slug(db, owner_id, album_slug) if is_slug(album_slug) else None
        if album is None:
            raise NotFound("There is no such album.", details={"field": "albumSlug"})
        return album.id
    return None


async def make_album(db: Transaction, owner_id: AccountId, slug: str, *, now: datetime) -> None:
    """Make the owner's album of this slug, unless it is there.

    Raises:
        InvalidRequest: no album can be called so.
    """
    album_id = AlbumId(make_uuid())
    row = {"id": album_id, "owner_id": owner_id, "slug": check_slug(slug, field="albumSlug"), "title": slug}
    await insert_album_where_absent(db, {**row, "created_at": now, "updated_at": now})


async def settle_filename(
    db: Transaction, album_id: AlbumId | None, filename: str, *, of: ImageId | None = None
) -> str:
    """The filename itself where it is free in the album, else the first free one of `beach-2.jpg`, `beach-3.jpg` …

    The album's row is held until the transaction ends, so that nobody else takes the same name meanwhile. Outside of
    albums every name is free.

    Raises:
        NotFound: the album was deleted, since it was looked up maybe.
    """
    if album_id is None:
        return filename
    if await find_album(db, album_id, for_update=True) is None:
        raise NotFound("There is no such album.", details={"field": "albumId"})
    if not await names_in_album(db, album_id, but=of, exactly=filename):
        return filename
    taken = await names_in_album(db, album_id, but=of, like=_beginning_of(filename))
    number = 2
    while number_filename(filename, number) in taken:
        number += 1
    return number_filename(filename, number)


def _beginning_of(filename: str) -> str:
    # Of long names only the beginning, as numbering may cut the rest off.
    beginning = split_filename(filename)[0][:_COMPARED_CHARACTERS]
    for special in ("\\", "%", "_"):
        beginning = beginning.replace(special, f"\\{special}")
    return f"{beginning}%"
