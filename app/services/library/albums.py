"""Albums: make, find, list, change and delete them, and tell what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from app.db.albums import (
    AlbumSize,
    count_albums,
    delete_album,
    empty_album,
    find_album,
    find_album_by_slug,
    find_albums,
    find_covers,
    hold_images_of,
    insert_album,
    list_albums,
    measure_albums,
    update_album,
)
from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.images import find_image
from app.db.old_names import note_emptied, note_old_slug
from app.db.records import AlbumRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.db.tags import count_tags
from app.domain.access import Principal, Scope, require_account
from app.domain.albums import AlbumDeletion, check_slug, is_slug
from app.domain.library_events import LibraryEventKind
from app.domain.texts import MAX_TAG_CHARACTERS, MAX_TEXT_CHARACTERS, MAX_TITLE_CHARACTERS, check_text
from app.errors import Conflict, InvalidRequest, NotFound
from app.events.bus import EventBus
from app.ids import AccountId, AlbumId, ImageId, make_uuid
from app.services.filing.visibility import may_see

MAX_TAGS_TOLD = 1_000


class AlbumChange(TypedDict, total=False):
    """A change of one album: a key that is absent keeps, None clears."""

    slug: str | None
    title: str | None
    description: str | None
    cover_id: ImageId | None


@dataclass(frozen=True, slots=True)
class AlbumPage:
    """Part of the list of albums, newest first."""

    albums: tuple[AlbumRecord, ...]
    has_more: bool
    """Are there others beyond it, in the direction in which it was read?"""


class AlbumService:
    """An owner's albums. Strangers see none of them, whatever is in them. Reading needs the scope ALBUMS_READ."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus

    async def get_many(self, album_ids: Sequence[AlbumId]) -> dict[AlbumId, AlbumRecord]:
        """Those of these albums that exist, whoever asks: slugs stand in addresses; for more, `may_see_album`."""
        async with self._database.read() as db:
            return await find_albums(db, album_ids)

    async def find(self, principal: Principal, album_id: AlbumId) -> AlbumRecord | None:
        """The album of this id, if it is the caller's own."""
        album = (await self.get_many([album_id])).get(album_id)
        return album if album is not None and may_see_album(principal, album) else None

    async def find_by_slug(self, principal: Principal, slug: str) -> AlbumRecord | None:
        """The caller's own album of this slug."""
        if principal.account_id is None or not principal.has(Scope.ALBUMS_READ) or not is_slug(slug):
            return None
        async with self._database.read() as db:
            return await find_album_by_slug(db, principal.account_id, slug)

    async def get_by_slug(self, principal: Principal, slug: str, *, scope: Scope = Scope.ALBUMS_READ) -> AlbumRecord:
        """The caller's own album of this slug, for what needs `scope`.

        Raises:
            NotFound: there is none.
        """
        owner_id = require_account(principal, scope)
        if is_slug(slug):
            async with self._database.read() as db:
                album = await find_album_by_slug(db, owner_id, slug)
            if album is not None:
                return album
        raise NotFound("There is no such album.")

    async def list_page(
        self, principal: Principal, *, limit: int, beyond: tuple[datetime, AlbumId] | None, is_backward: bool
    ) -> AlbumPage:
        """At most `limit` of the caller's albums, newest first."""
        owner_id = require_account(principal, Scope.ALBUMS_READ)
        async with self._database.read() as db:
            rows = await list_albums(db, owner_id, limit=limit + 1, beyond=beyond, is_backward=is_backward)
        kept = rows[:limit]
        return AlbumPage(tuple(reversed(kept) if is_backward else kept), len(rows) > limit)

    async def count(self, principal: Principal) -> int:
        """How many albums the caller has."""
        owner_id = require_account(principal, Scope.ALBUMS_READ)
        async with self._database.read() as db:
            return await count_albums(db, owner_id)

    async def measure(self, album_ids: Sequence[AlbumId]) -> dict[AlbumId, AlbumSize]:
        """Images and bytes in each of these albums, drafts and the trash left out."""
        async with self._database.read() as db:
            found = await measure_albums(db, album_ids)
        return {album_id: found.get(album_id, AlbumSize()) for album_id in album_ids}

    async def find_covers(self, principal: Principal, album_ids: Sequence[AlbumId]) -> dict[AlbumId, ImageSnapshot]:
        """The picture that stands for each of these albums; none where nothing is in them, or it is not to be seen."""
        async with self._database.read() as db:
            covers = await find_covers(db, album_ids)
            snapshots = await read_snapshots(db, list(covers.values()))
        seen = {image_id: snapshot for image_id, snapshot in snapshots.items() if may_see(principal, snapshot)}
        return {album_id: seen[image_id] for album_id, image_id in covers.items() if image_id in seen}

    async def count_tags(self, principal: Principal, prefix: str | None) -> list[tuple[str, int]]:
        """The caller's tags that begin with `prefix`, most used first, at most `MAX_TAGS_TOLD`.

        Needs the scope IMAGES_READ.
        """
        owner_id = require_account(principal, Scope.IMAGES_READ)
        beginning = check_text(prefix, field="prefix", max_characters=MAX_TAG_CHARACTERS) or ""
        async with self._database.read() as db:
            return await count_tags(db, owner_id, prefix=beginning, limit=MAX_TAGS_TOLD)

    async def create(
        self, principal: Principal, *, slug: str, title: str | None, description: str | None
    ) -> AlbumRecord:
        """Make an album, called by its slug where it has no title. Needs the scope ALBUMS_WRITE.

        Raises:
            Conflict: the caller has an album of this slug.
            InvalidRequest: the slug or a text cannot be.
        """
        owner_id = require_account(principal, Scope.ALBUMS_WRITE)
        now = utc_now()
        album = AlbumRecord(
            id=AlbumId(make_uuid()),
            owner_id=owner_id,
            slug=check_slug(slug),
            title=_check_title(slug if title is None else title),
            description=check_text(description, field="description", max_characters=MAX_TEXT_CHARACTERS),
            cover_id=None,
            created_at=now,
            updated_at=now,
        )
        columns = album._asdict()
        try:
            async with self._database.write() as db:
                await _check_slug_is_free(db, owner_id, album.slug)
                await insert_album(db, columns)
        except RowConflict as error:
            raise _taken() from error
        return album

    async def update(self, principal: Principal, album_id: AlbumId, change: AlbumChange) -> AlbumRecord:
        """Change an album; addresses with its old slug lead to the new one. Needs the scope ALBUMS_WRITE.

        Raises:
            NotFound: there is no such album of the caller's, or no such image for its cover.
            Conflict: the caller has another album of this slug.
            InvalidRequest: the slug or a text cannot be, or the cover is not in the album.
        """
        owner_id = require_account(principal, Scope.ALBUMS_WRITE)
        columns = _checked_columns(change)
        try:
            async with self._database.write() as db:
                album = await _hold(db, owner_id, album_id)
                if columns.get("slug", album.slug) != album.slug:
                    await _check_slug_is_free(db, owner_id, str(columns["slug"]))
                if change.get("cover_id") is not None:
                    columns["cover_id"] = await _check_cover(db, album, change["cover_id"])
                if change.get("title", "kept") is None:
                    columns["title"] = columns.get("slug", album.slug)
                if columns.get("slug", album.slug) != album.slug:
                    await note_old_slug(db, album, now=utc_now())
                await update_album(db, album_id, {**columns, "updated_at": utc_now()})
                changed = await find_album(db, album_id)
        except RowConflict as error:
            raise _taken() from error
        assert changed is not None, "its row was held"
        return changed

    async def delete(self, principal: Principal, album_id: AlbumId, mode: AlbumDeletion) -> int:
        """Delete an album; its images stay without one, or go into the trash. How many images there were.

        Needs the scope ALBUMS_WRITE, and IMAGES_WRITE where images are deleted.

        Raises:
            NotFound: there is no such album of the caller's.
        """
        owner_id = require_account(principal, Scope.ALBUMS_WRITE)
        into_trash = mode is AlbumDeletion.DELETE_IMAGES
        if into_trash:
            require_account(principal, Scope.IMAGES_WRITE)
        async with self._database.write() as db:
            album = await find_album(db, album_id)
            if album is None or album.owner_id != owner_id:
                raise NotFound("There is no such album.")
            # Images before their album, as everywhere: two who lock them in different orders wait for each other.
            await hold_images_of(db, album_id)
            await note_emptied(db, await _hold(db, owner_id, album_id), now=utc_now())
            changed, count = await empty_album(db, album_id, now=utc_now(), into_trash=into_trash)
            await delete_album(db, album_id)
        left = dict.fromkeys(changed, album_id)
        thrown = changed[:count] if into_trash else []
        await self._bus.publish(thrown, kind=LibraryEventKind.IMAGE_DELETED, left_albums=left)
        await self._bus.publish(changed[len(thrown) :], kind=LibraryEventKind.IMAGE_UPDATED, left_albums=left)
        return count


def may_see_album(principal: Principal, album: AlbumRecord) -> bool:
    """Is it the caller's own? Nobody else's can be looked at."""
    return principal.owns(album.owner_id, Scope.ALBUMS_READ)


async def _hold(db: Transaction, owner_id: AccountId, album_id: AlbumId) -> AlbumRecord:
    album = await find_album(db, album_id, for_update=True)
    if album is None or album.owner_id != owner_id:
        raise NotFound("There is no such album.")
    return album


def _checked_columns(change: AlbumChange) -> dict[str, object]:
    columns: dict[str, object] = {}
    if "slug" in change:
        columns["slug"] = check_slug(change["slug"] or "")
    title = change.get("title")
    if title is not None:
        columns["title"] = _check_title(title)
    if "description" in change:
        columns["description"] = check_text(
            change["description"], field="description", max_characters=MAX_TEXT_CHARACTERS
        )
    if "cover_id" in change:
        columns["cover_id"] = None
    return columns


def _check_title(title: str) -> str:
    checked = check_text(title, field="title", max_characters=MAX_TITLE_CHARACTERS, may_be_empty=False)
    assert checked is not None, "it was given"
    return checked


def _taken() -> Conflict:
    return Conflict("Another album has this slug.", details={"field": "slug"})


async def _check_slug_is_free(db: Transaction, owner_id: AccountId, slug: str) -> None:
    if await find_album_by_slug(db, owner_id, slug) is not None:
        raise _taken()


async def _check_cover(db: Transaction, album: AlbumRecord, image_id: ImageId | None) -> ImageId:
    assert image_id is not None, "it was given"
    image = await find_image(db, image_id)
    if image is not None and image.alias_of is not None:
        image = await find_image(db, image.alias_of)
    if image is None or image.owner_id != album.owner_id or image.deleted_at is not None:
        raise NotFound("There is no such image.", details={"field": "coverId"})
    if image.album_id != album.id:
        raise InvalidRequest("The cover must be one of the album's images.", details={"field": "coverId"})
    return image.id
