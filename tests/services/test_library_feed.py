"""Watching a library: what is told, to whom, and what becomes of slow readers and lost hints; on both databases."""

import asyncio
from datetime import timedelta

import pytest

from app.db.engine import utc_now
from app.domain.access import Scope
from app.domain.albums import AlbumDeletion
from app.domain.library_events import LibraryEventKind as Kind
from app.domain.states import ImageState
from app.errors import NotFound, SafelightError, Unavailable
from app.ids import AlbumId, ImageId, make_uuid
from app.services.library.changes import BulkChange
from app.services.library.trash import KEPT_FOR, Purger
from app.services.watching.library_feed import LibraryFeed
from app.services.watching.library_watcher import MAX_PENDING, LibraryChange, LibraryWatcher
from app.services.watching.library_watching import LibraryWatchService
from tests.support.feed_listener import listening
from tests.support.library_fixture import Shelf, without
from tests.support.waiting import in_time


async def test_every_kind_of_change_is_told_once(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    async with listening(shelf, shelf.me) as ear:
        await shelf.library.update(shelf.me, image_id, {"title": "Sea"})
        updated = await ear.hear(1)
        await shelf.bus.publish([image_id], kind=Kind.VARIANTS_CHANGED)  # the sweep, or a worker that is late
        await shelf.trash.delete(shelf.me, [image_id], permanent=False)
        deleted = await ear.hear(1)
        await shelf.trash.restore(shelf.me, [image_id])
        restored = await ear.hear(1)
        await shelf.trash.delete(shelf.me, [image_id], permanent=True)
        purged = await ear.hear(1)

    told = [updated, deleted, restored, purged]
    kinds = [Kind.IMAGE_UPDATED, Kind.IMAGE_DELETED, Kind.IMAGE_RESTORED, Kind.IMAGE_PURGED]
    assert told == [[(kind, image_id)] for kind in kinds]


async def test_an_event_carries_the_image_as_it_is_and_nothing_once_it_is_purged(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    async with listening(shelf, shelf.me) as ear:
        await shelf.library.update(shelf.me, image_id, {"title": "Sea"})
        updated = await ear.next()
        await shelf.trash.delete(shelf.me, [image_id], permanent=True)
        purged = await ear.next()

    assert updated.snapshot is not None
    assert updated.snapshot.image.title == "Sea"
    assert (purged.kind, purged.snapshot) == (Kind.IMAGE_PURGED, None)


async def test_of_many_only_those_that_changed_are_told(shelf: Shelf) -> None:
    first, second, third = [await shelf.add_image() for _ in range(3)]
    await shelf.trash.delete(shelf.me, [second], permanent=False)
    async with listening(shelf, shelf.me) as ear:
        await shelf.trash.restore(shelf.me, [first, second])
        restored = await ear.hear(1)
        await shelf.library.update_many(shelf.me, [first, third, ImageId(make_uuid())], BulkChange(is_nsfw=True))
        updated = await ear.hear(2)

    assert restored == [(Kind.IMAGE_RESTORED, second)]
    assert updated == [(Kind.IMAGE_UPDATED, first), (Kind.IMAGE_UPDATED, third)]


async def test_nobody_hears_of_somebody_elses_images(shelf: Shelf) -> None:
    foreign, mine = await shelf.add_image(shelf.other), await shelf.add_image()
    async with listening(shelf, shelf.me) as ear:
        await shelf.library.update(shelf.other, foreign, {"title": "secret"})
        await shelf.trash.delete(shelf.other, [foreign], permanent=True)
        await shelf.library.update(shelf.me, mine, {"title": "Sea"})

        assert await ear.hear(1) == [(Kind.IMAGE_UPDATED, mine)]


async def test_an_album_hears_of_what_is_in_it_comes_and_leaves(shelf: Shelf) -> None:
    album, other = await shelf.add_album("sea"), await shelf.add_album("hills")
    inside, outside = await shelf.add_image(album_id=album), await shelf.add_image(album_id=other)
    async with listening(shelf, shelf.me, album) as ear:
        await shelf.library.update(shelf.me, outside, {"title": "elsewhere"})
        await shelf.library.update(shelf.me, inside, {"title": "here"})
        here = await ear.hear(1)
        await shelf.library.update(shelf.me, outside, {"album_id": album})
        came = await ear.hear(1)
        await shelf.library.update_many(shelf.me, [inside], BulkChange(album_id=other))
        left = await ear.hear(1)
        await shelf.library.update(shelf.me, inside, {"title": "gone"})
        await shelf.trash.delete(shelf.me, [inside], permanent=True)
        await shelf.trash.delete(shelf.me, [outside], permanent=True)
        purged = await ear.hear(1)

    assert [*here, *came, *left] == [(Kind.IMAGE_UPDATED, key) for key in (inside, outside, inside)]
    assert purged == [(Kind.IMAGE_PURGED, outside)]


@pytest.mark.parametrize("mode", AlbumDeletion)
async def test_a_deleted_album_tells_of_its_images(shelf: Shelf, mode: AlbumDeletion) -> None:
    album = await shelf.add_album("sea")
    listed, thrown = await shelf.add_image(album_id=album), await shelf.add_image(album_id=album)
    await shelf.trash.delete(shelf.me, [thrown], permanent=False)
    async with listening(shelf, shelf.me, album) as ear:
        await shelf.albums.delete(shelf.me, album, mode)
        told = await ear.hear(2)

    is_deleted = mode is AlbumDeletion.DELETE_IMAGES
    kind = Kind.IMAGE_DELETED if is_deleted else Kind.IMAGE_UPDATED
    assert set(told) == {(kind, listed), (Kind.IMAGE_UPDATED, thrown)}


async def test_the_trash_that_empties_itself_is_told(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    await shelf.trash.delete(shelf.me, [image_id], permanent=False)
    async with listening(shelf, shelf.me) as ear:
        await Purger(shelf.database, shelf.store, shelf.bus).purge_overdue(utc_now() + KEPT_FOR + timedelta(seconds=1))

        assert await ear.hear(1) == [(Kind.IMAGE_PURGED, image_id)]


async def test_drafts_and_aliases_are_nothing_that_happens_in_a_library(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    draft = await shelf.add_image(state=ImageState.AWAITING_UPLOAD, uploaded_at=None, dedupe_key=None)
    alias = await shelf.add_image(alias_of=image_id, dedupe_key=None)
    async with listening(shelf, shelf.me) as ear:
        await shelf.bus.publish([draft, alias], kind=Kind.VARIANTS_CHANGED)
        await shelf.library.update(shelf.me, image_id, {"title": "Sea"})

        assert await ear.hear(1) == [(Kind.IMAGE_UPDATED, image_id)]


async def test_what_is_announced_again_is_told_only_where_its_first_hint_was_lost(shelf: Shelf) -> None:
    old, lost, told, made, thrown = [await shelf.add_image() for _ in range(5)]
    async with listening(shelf, shelf.me) as ear:
        await shelf.library.update(shelf.me, told, {"title": "Sea"})
        await ear.hear(1)
        now = utc_now()
        await shelf.set_columns(lost, updated_at=now, title="nobody was told")
        await shelf.set_columns(made, updated_at=now, uploaded_at=now)
        await shelf.set_columns(thrown, updated_at=now, deleted_at=now)

        await shelf.bus.publish([old, lost, told, made, thrown])
        first = await ear.hear(3)
        await shelf.bus.publish([old, lost, told, made, thrown])
        await shelf.library.update(shelf.me, old, {"title": "Hill"})
        second = await ear.hear(1)

    wanted = [(Kind.IMAGE_UPDATED, lost), (Kind.IMAGE_CREATED, made), (Kind.IMAGE_DELETED, thrown)]
    assert first == wanted
    assert second == [(Kind.IMAGE_UPDATED, old)]


async def test_after_the_bus_was_lost_what_changed_meanwhile_is_told(shelf: Shelf) -> None:
    quiet, lost = await shelf.add_image(), await shelf.add_image()
    async with listening(shelf, shelf.me) as ear:
        await shelf.set_columns(lost, updated_at=utc_now(), revision=7)
        shelf.bus._resync()
        told = await ear.hear(1)
        await shelf.library.update(shelf.me, quiet, {"title": "Sea"})
        after = await ear.hear(1)

    assert (told, after) == ([(Kind.IMAGE_UPDATED, lost)], [(Kind.IMAGE_UPDATED, quiet)])


async def test_a_slow_reader_finds_each_kind_once_and_the_newest_state(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    watcher = LibraryWatcher(None)
    for number in range(100):
        kind = (Kind.IMAGE_UPDATED, Kind.VARIANTS_CHANGED)[number % 2]
        watcher.tell(LibraryChange(kind, image_id, None, AlbumId(make_uuid())), left_album_id=None)

    first, second = await watcher.next(), await watcher.next()

    assert [first.kind, second.kind] == [Kind.IMAGE_UPDATED, Kind.VARIANTS_CHANGED]


async def test_whoever_falls_far_behind_is_told_to_list_anew() -> None:
    watcher = LibraryWatcher(None)
    for _ in range(MAX_PENDING + 2):
        watcher.tell(LibraryChange(Kind.IMAGE_UPDATED, ImageId(make_uuid()), None, None), left_album_id=None)

    with pytest.raises(Unavailable, match="anew"):
        await watcher.next()


async def test_nothing_is_read_while_nobody_watches(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    feed = LibraryFeed(shelf.database, shelf.bus)
    with feed.joined(shelf.me.account_id, None):  # type: ignore[arg-type]  # an owner has an account
        assert feed.is_watched
    shelf.statements.clear()

    await shelf.bus.publish([image_id], kind=Kind.IMAGE_UPDATED)

    assert (feed.is_watched, shelf.statements) == (False, [])


@pytest.mark.parametrize("whose", ["foreign", "absent"])
async def test_an_album_that_is_not_the_callers_is_not_there(shelf: Shelf, whose: str) -> None:
    foreign = await shelf.add_album("sea", shelf.other)
    album = foreign if whose == "foreign" else AlbumId(make_uuid())
    service = LibraryWatchService(shelf.database, LibraryFeed(shelf.database, shelf.bus))

    with pytest.raises(SafelightError) as refused:
        await anext(service.watch(shelf.me, album))

    assert (refused.value.code.value, refused.value.details) == ("NOT_FOUND", {})


async def test_watching_an_album_ends_when_it_is_deleted_even_if_nothing_was_in_it(shelf: Shelf) -> None:
    album = await shelf.add_album("sea")
    service = LibraryWatchService(shelf.database, LibraryFeed(shelf.database, shelf.bus), recheck_s=0.1)
    watching = asyncio.ensure_future(anext(service.watch(shelf.me, album)))
    await asyncio.sleep(0.3)  # some looks whether the album is there still
    assert not watching.done()

    await shelf.albums.delete(shelf.me, album, AlbumDeletion.DELETE_IMAGES)

    with pytest.raises(NotFound):
        await in_time(watching)


async def test_watching_needs_its_scope(shelf: Shelf) -> None:
    service = LibraryWatchService(shelf.database, LibraryFeed(shelf.database, shelf.bus))

    with pytest.raises(SafelightError) as refused:
        await anext(service.watch(without(shelf.me, Scope.IMAGES_READ), None))

    assert refused.value.code.value == "FORBIDDEN"
