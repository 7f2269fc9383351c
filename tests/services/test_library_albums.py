"""Albums: names, covers, counts, and what becomes of their images; on both databases."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import pytest

from app.db.albums import AlbumSize
from app.domain.access import Scope, Visibility
from app.domain.albums import AlbumDeletion
from app.domain.listing import ImageFilter, TrashView
from app.domain.states import ImageState
from app.errors import SafelightError
from app.ids import AlbumId, ImageId, make_uuid
from app.services.library.changes import BulkChange
from tests.support.library_fixture import T0, Shelf, without


async def refusal(call: Coroutine[Any, Any, object]) -> tuple[str, object]:
    """Code and field of what a call is refused with."""
    with pytest.raises(SafelightError) as refused:
        await call
    return refused.value.code.value, refused.value.details.get("field")


GOOD_SLUGS = ["a", "0", "-", "trip-2026", "a" * 64]
BAD_SLUGS = ["", "A", "a b", "a_b", "ä", "a/b", "a" * 65, "x" * 300, "a\n", "a\0", "\ud800", "٣"]


async def test_slugs_are_1_to_64_of_small_letters_digits_and_hyphens(shelf: Shelf) -> None:
    made = [await shelf.add_album(slug) for slug in GOOD_SLUGS]
    refused = [
        await refusal(shelf.albums.create(shelf.me, slug=slug, title="T", description=None)) for slug in BAD_SLUGS
    ]

    assert len(set(made)) == len(GOOD_SLUGS)
    assert refused == [("INVALID_REQUEST", "slug")] * len(BAD_SLUGS)


async def test_a_slug_is_unique_among_the_owners_own(shelf: Shelf) -> None:
    await shelf.add_album("trip", shelf.other)
    first, second = await shelf.add_album("trip"), await shelf.add_album("other")

    taken = [
        await refusal(shelf.albums.create(shelf.me, slug="trip", title="T", description=None)),
        await refusal(shelf.albums.update(shelf.me, second, {"slug": "trip"})),
    ]
    same = await shelf.albums.update(shelf.me, first, {"slug": "trip", "title": "Trip!"})

    assert taken == [("CONFLICT", "slug")] * 2
    assert (same.slug, same.title) == ("trip", "Trip!")


async def test_of_many_who_make_the_same_album_at_once_one_has_it(shelf: Shelf) -> None:
    calls = [shelf.albums.create(shelf.me, slug="trip", title="T", description=None) for _ in range(8)]

    answers = await asyncio.gather(*calls, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, SafelightError)]
    assert [error.code.value for error in refused] == ["CONFLICT"] * 7


async def test_an_update_keeps_what_is_omitted_and_clears_what_is_null(shelf: Shelf) -> None:
    album = await shelf.albums.create(shelf.me, slug="trip", title="Trip", description="D")

    renamed = await shelf.albums.update(shelf.me, album.id, {"title": "New"})
    cleared = await shelf.albums.update(shelf.me, album.id, {"description": None, "title": None})

    assert (renamed.slug, renamed.title, renamed.description) == ("trip", "New", "D")
    assert (cleared.title, cleared.description) == ("trip", None)


async def test_bad_texts_of_an_album_name_their_field(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")

    refused = [
        await refusal(shelf.albums.create(shelf.me, slug="new", title=" ", description=None)),
        await refusal(shelf.albums.create(shelf.me, slug="new", title="x" * 256, description=None)),
        await refusal(shelf.albums.update(shelf.me, album, {"title": ""})),
        await refusal(shelf.albums.update(shelf.me, album, {"description": "x" * 5001})),
        await refusal(shelf.albums.update(shelf.me, album, {"slug": None})),
    ]

    assert refused == [("INVALID_REQUEST", field) for field in ("title", "title", "title", "description", "slug")]


async def test_counts_and_bytes_are_right_after_every_move_deletion_and_restore(shelf: Shelf) -> None:
    album, other = await shelf.add_album("trip"), await shelf.add_album("other")
    first, second = [await shelf.add_image(album_id=album, byte_size=size) for size in (100, 20)]
    await shelf.add_image(album_id=album, byte_size=None, state=ImageState.AWAITING_UPLOAD)
    seen = [await _sizes(shelf, album, other)]

    await shelf.library.update(shelf.me, first, {"album_id": other})
    seen.append(await _sizes(shelf, album, other))
    await shelf.trash.delete(shelf.me, [second], permanent=False)
    seen.append(await _sizes(shelf, album, other))
    await shelf.trash.restore(shelf.me, [second])
    seen.append(await _sizes(shelf, album, other))
    await shelf.library.update_many(shelf.me, [first, second], BulkChange(clears_album=True))
    seen.append(await _sizes(shelf, album, other))

    assert seen == [
        (AlbumSize(2, 120), AlbumSize()),
        (AlbumSize(1, 20), AlbumSize(1, 100)),
        (AlbumSize(), AlbumSize(1, 100)),
        (AlbumSize(1, 20), AlbumSize(1, 100)),
        (AlbumSize(), AlbumSize()),
    ]


async def _sizes(shelf: Shelf, *albums: AlbumId) -> tuple[AlbumSize, ...]:
    measured = await shelf.albums.measure(albums)
    return tuple(measured[album] for album in albums)


async def test_the_cover_is_the_chosen_image_while_it_is_there_else_the_newest(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    covers = [await _cover(shelf, album)]
    chosen = await shelf.add_image(album_id=album)
    newest = await shelf.add_image(album_id=album)
    covers.append(await _cover(shelf, album))
    await shelf.albums.update(shelf.me, album, {"cover_id": chosen})
    covers.append(await _cover(shelf, album))
    await shelf.trash.delete(shelf.me, [chosen], permanent=False)
    covers.append(await _cover(shelf, album))
    await shelf.trash.restore(shelf.me, [chosen])
    covers.append(await _cover(shelf, album))
    await shelf.library.update(shelf.me, chosen, {"clear_album": True})
    covers.append(await _cover(shelf, album))
    await shelf.trash.delete(shelf.me, [chosen, newest], permanent=True)
    covers.append(await _cover(shelf, album))

    assert covers == [None, newest, chosen, newest, chosen, newest, None]


async def _cover(shelf: Shelf, album: AlbumId) -> ImageId | None:
    found = (await shelf.albums.find_covers(shelf.me, [album])).get(album)
    return found.image.id if found is not None else None


async def test_a_cover_is_shown_to_those_alone_who_may_see_the_image(shelf: Shelf) -> None:
    private, public = await shelf.add_album("private"), await shelf.add_album("public")
    await shelf.add_image(album_id=private, visibility=Visibility.PRIVATE)
    await shelf.add_image(album_id=public)

    found = await shelf.albums.find_covers(without(shelf.me, Scope.IMAGES_READ), [private, public])

    assert list(found) == [public]


async def test_a_cover_must_be_one_of_the_albums_images(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    outside, foreign = await shelf.add_image(), await shelf.add_image(shelf.other)

    refused = [
        await refusal(shelf.albums.update(shelf.me, album, {"cover_id": key}))
        for key in (outside, foreign, ImageId(make_uuid()))
    ]

    assert refused == [("INVALID_REQUEST", "coverId"), ("NOT_FOUND", "coverId"), ("NOT_FOUND", "coverId")]


@pytest.mark.parametrize("mode", AlbumDeletion)
async def test_a_deleted_album_leaves_its_images_or_throws_them_away(shelf: Shelf, mode: AlbumDeletion) -> None:
    album = await shelf.add_album("trip")
    inside = [await shelf.add_image(album_id=album) for _ in range(2)]
    thrown = await shelf.add_image(album_id=album, deleted_at=T0)
    outside = await shelf.add_image()

    count = await shelf.albums.delete(shelf.me, album, mode)

    into_trash = mode is AlbumDeletion.DELETE_IMAGES
    assert count == 2
    assert await shelf.albums.find(shelf.me, album) is None
    assert await shelf.list() == ([outside] if into_trash else [outside, *reversed(inside)])
    in_trash = [thrown, *reversed(inside)] if into_trash else [thrown]
    assert await shelf.list(ImageFilter(trash=TrashView.ONLY)) == in_trash
    assert {(await shelf.row(key)).album_id for key in (*inside, thrown)} == {None}
    assert (await shelf.trash.restore(shelf.me, [*inside, thrown])).failed == {}


async def test_foreign_and_absent_albums_are_the_same(shelf: Shelf) -> None:
    foreign = await shelf.add_album("theirs", shelf.other)
    image_id = await shelf.add_image(shelf.other, album_id=foreign)

    for album_id in (foreign, AlbumId(make_uuid())):
        assert await shelf.albums.find(shelf.me, album_id) is None
        assert await refusal(shelf.albums.update(shelf.me, album_id, {"title": "T"})) == ("NOT_FOUND", None)
        deletion = shelf.albums.delete(shelf.me, album_id, AlbumDeletion.DELETE_IMAGES)
        assert await refusal(deletion) == ("NOT_FOUND", None)
    assert await shelf.albums.find_by_slug(shelf.me, "theirs") is None
    assert (await shelf.row(image_id)).album_id == foreign


async def test_albums_are_paged_newest_first_in_both_directions(shelf: Shelf) -> None:
    made = [await shelf.add_album(f"album-{index}") for index in range(5)]
    await shelf.add_album("theirs", shelf.other)

    first = await shelf.albums.list_page(shelf.me, limit=3, beyond=None, is_backward=False)
    place: tuple[datetime, AlbumId] = (first.albums[-1].created_at, first.albums[-1].id)
    second = await shelf.albums.list_page(shelf.me, limit=3, beyond=place, is_backward=False)
    back = await shelf.albums.list_page(shelf.me, limit=1, beyond=place, is_backward=True)

    assert [album.id for album in (*first.albums, *second.albums)] == list(reversed(made))
    assert (first.has_more, second.has_more, back.has_more) == (True, False, True)
    assert [album.id for album in back.albums] == [made[3]]
    assert await shelf.albums.count(shelf.me) == 5


async def test_albums_need_their_scopes(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    reader = without(shelf.me, Scope.ALBUMS_WRITE)
    blind = without(shelf.me, Scope.ALBUMS_READ)
    keeper = without(shelf.me, Scope.IMAGES_WRITE)

    refused = [
        await refusal(shelf.albums.create(reader, slug="new", title="T", description=None)),
        await refusal(shelf.albums.update(reader, album, {})),
        await refusal(shelf.albums.delete(reader, album, AlbumDeletion.KEEP_IMAGES)),
        await refusal(shelf.albums.delete(keeper, album, AlbumDeletion.DELETE_IMAGES)),
        await refusal(shelf.albums.count(blind)),
        await refusal(shelf.albums.list_page(blind, limit=1, beyond=None, is_backward=False)),
    ]

    assert refused == [("FORBIDDEN", None)] * 6
    assert await shelf.albums.find(blind, album) is None
    assert await shelf.albums.find_by_slug(blind, "trip") is None
