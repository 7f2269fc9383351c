"""Change what is said of images and where they are: one, or up to a hundred at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.accounts import find_account
from app.db.engine import Database, Transaction, utc_now
from app.db.failures import RowConflict
from app.db.images import find_image, find_image_by, update_image
from app.db.old_names import note_old_place
from app.db.records import ImageRecord
from app.db.snapshots import ImageSnapshot, read_snapshots
from app.domain.access import Principal, Scope, Visibility, require_account
from app.domain.library_events import LibraryEventKind
from app.domain.texts import MAX_TAGS, check_tags
from app.errors import Conflict, InvalidRequest, NotFound, SafelightError
from app.events.bus import EventBus
from app.ids import AccountId, AlbumId, ImageId
from app.jobs import RenderQueue
from app.services.filing.indexing import SEARCHED, index_image
from app.services.filing.places import get_album_id, settle_filename
from app.services.library.image_changes import ImageChange, checked_columns
from app.services.library.own_images import Batch, check_batch, hold_one, hold_own
from app.services.library.presets import remake_cropped
from app.services.uploads.registration import dedupe_key, is_deduplicated

_TRIES = 3


@dataclass(frozen=True, slots=True)
class BulkChange:
    """The same change for many images; what is None stays."""

    album_id: AlbumId | None = None
    clears_album: bool = False
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    visibility: Visibility | None = None
    is_nsfw: bool | None = None


class LibraryService:
    """Texts, tags, places and visibility of the caller's images. All of it needs the scope IMAGES_WRITE."""

    def __init__(self, database: Database, bus: EventBus, queue: RenderQueue) -> None:
        self._database = database
        self._bus = bus
        self._queue = queue

    async def update(self, principal: Principal, image_id: ImageId, change: ImageChange) -> ImageSnapshot:
        """Change one image.

        Raises:
            NotFound: there is no such image or album of the caller's; for an album `details.field` says which.
            InvalidRequest: something cannot be.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        columns = checked_columns(change)
        for _ in range(_TRIES):
            try:
                async with self._database.write() as db:
                    image = await hold_one(db, owner_id, image_id)
                    place = await _find_place(db, owner_id, image, change)
                    await _change(db, image, {**columns, "album_id": place})
                    is_remade = _moves_focal_point(image, columns) and await remake_cropped(db, image)
                    snapshot = (await read_snapshots(db, [image.id]))[image.id]
            except RowConflict:
                # Another image with the same bytes got the same visibility between the look and the write.
                continue
            left = {image.id: image.album_id}
            await self._bus.publish([image.id], kind=LibraryEventKind.IMAGE_UPDATED, left_albums=left)
            if is_remade:
                await enqueue_rest(self._queue, snapshot)
            return snapshot
        raise Conflict("The image is being changed by many at once. Try again.")

    async def update_many(self, principal: Principal, image_ids: Sequence[ImageId], change: BulkChange) -> Batch:
        """Change those of the images that can be; the others are told one by one.

        Raises:
            NotFound: there is no such album of the caller's.
            InvalidRequest: there are too many ids, or a tag cannot be.
        """
        owner_id = require_account(principal, Scope.IMAGES_WRITE)
        wanted = check_batch(image_ids)
        if change.clears_album and change.album_id is not None:
            raise InvalidRequest("Give albumId or clearAlbum, not both.", details={"field": "clearAlbum"})
        add, remove = check_tags(change.add_tags, field="addTags"), check_tags(change.remove_tags, field="removeTags")
        for _ in range(_TRIES):
            try:
                async with self._database.write() as db:
                    if change.album_id is not None:
                        await get_album_id(db, owner_id, change.album_id, None)
                    batch = await _change_many(db, owner_id, wanted, change, add=add, remove=frozenset(remove))
            except RowConflict:
                continue
            left = batch.changed
            await self._bus.publish(left, kind=LibraryEventKind.IMAGE_UPDATED, left_albums=left)
            return batch
        raise Conflict("The images are being changed by many at once. Try again.")


async def enqueue_rest(queue: RenderQueue, snapshot: ImageSnapshot) -> None:
    """Have made what is left to be made of an image."""
    attempt = max(variant.attempt for variant in snapshot.variants)
    # A round of its own, as the id of the job of this attempt may be taken.
    await queue.enqueue(snapshot.image.id, attempt=attempt, round_=snapshot.image.revision)


async def free_dedupe_key(db: Transaction, image: ImageRecord, visibility: Visibility) -> str | None:
    """What later uploads of the same bytes will find this image by; None where another image is found already.

    An image that was never decoded has none: the same bytes sent again shall get a verdict of their own.
    """
    if image.sha256 is None or image.thumbhash is None:
        return None
    owner = await find_account(db, image.owner_id)
    if owner is None or not is_deduplicated(owner, visibility):
        return None
    key = dedupe_key(image.owner_id, visibility, image.sha256)
    present = await find_image_by(db, dedupe_key=key)
    return key if present is None or present.id == image.id else None


async def _find_place(db: Transaction, owner_id: AccountId, image: ImageRecord, change: ImageChange) -> AlbumId | None:
    named = change.get("album_id") is not None or change.get("album_slug") is not None
    if change.get("clear_album") and named:
        raise InvalidRequest("Give an album or clearAlbum, not both.", details={"field": "clearAlbum"})
    if named:
        return await get_album_id(db, owner_id, change.get("album_id"), change.get("album_slug"))
    is_cleared = change.get("clear_album") or "album_id" in change or "album_slug" in change
    return None if is_cleared else image.album_id


def _moves_focal_point(image: ImageRecord, columns: dict[str, object]) -> bool:
    here = (image.focal_x, image.focal_y)
    return (columns.get("focal_x", here[0]), columns.get("focal_y", here[1])) != here


async def _change(db: Transaction, image: ImageRecord, columns: dict[str, object]) -> None:
    album_id, filename = columns["album_id"], columns.get("filename", image.filename)
    if album_id != image.album_id or filename != image.filename:
        assert isinstance(filename, str), "checked"
        place = AlbumId(album_id) if album_id is not None else None  # type: ignore[arg-type]  # a column's value
        columns["filename"] = await settle_filename(db, place, filename, of=image.id)
        if not image.is_draft:
            await note_old_place(db, image, now=utc_now())
    visibility = columns.get("visibility", image.visibility)
    if visibility is not image.visibility and image.dedupe_key is not None:
        columns["dedupe_key"] = await free_dedupe_key(db, image, Visibility(str(visibility)))
    await update_image(db, image.id, {**columns, "updated_at": utc_now()})
    if SEARCHED & columns.keys():
        changed = await find_image(db, image.id)
        assert changed is not None, "its row is held"
        await index_image(db, changed)


async def _change_many(
    db: Transaction,
    owner_id: AccountId,
    wanted: Sequence[ImageId],
    change: BulkChange,
    *,
    add: Sequence[str],
    remove: frozenset[str],
) -> Batch:
    batch = Batch()
    held = await hold_own(db, owner_id, wanted)
    changed: dict[ImageId, ImageId] = {}
    for asked_id in wanted:
        image = held.get(asked_id)
        try:
            if image is None:
                raise NotFound("There is no such image.")
            if image.id not in changed.values():
                await _change(db, image, _bulk_columns(image, change, add, remove))
                batch.changed[image.id] = image.album_id
            changed[asked_id] = image.id
        except SafelightError as error:
            batch.failed[asked_id] = error
    snapshots = await read_snapshots(db, list(changed.values()))
    batch.done = list(changed)
    batch.snapshots = [snapshots[image_id] for image_id in changed.values()]
    return batch


def _bulk_columns(
    image: ImageRecord, change: BulkChange, add: Sequence[str], remove: frozenset[str]
) -> dict[str, object]:
    columns: dict[str, object] = {"album_id": None if change.clears_album else change.album_id or image.album_id}
    tags = list(dict.fromkeys([*(tag for tag in image.tags if tag not in remove), *add]))
    if len(tags) > MAX_TAGS:
        raise InvalidRequest(f"An image may have at most {MAX_TAGS} tags.", details={"field": "addTags"})
    if tags != image.tags:
        columns["tags"] = tags
    if change.visibility is not None:
        columns["visibility"] = change.visibility
    if change.is_nsfw is not None:
        columns["is_nsfw"] = change.is_nsfw
    return columns
