"""Changing, deleting and restoring images, and what albums, lists and duplicates make of it; on both databases."""

import asyncio

import pytest

from app.domain.access import Scope, Visibility
from app.domain.listing import ImageFilter
from app.errors import SafelightError
from app.events.hints import Hint
from app.ids import AlbumId, ImageId, make_uuid
from app.services.library.changes import BulkChange
from app.services.library.image_changes import ImageChange
from app.services.uploads.registration import dedupe_key
from tests.support.library_fixture import T0, Shelf, without, words

pytestmark = pytest.mark.both_set_ups


async def test_what_is_omitted_stays_and_null_clears(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    texts: dict[str, object] = {"title": "T", "alt": "A", "description": "D", "creator": "C"}
    image_id = await shelf.add_image(None, **texts, tags=["x"], meta={"k": 1}, album_id=album, focal_x=0.5, focal_y=0.1)
    before = await shelf.row(image_id)

    await shelf.library.update(shelf.me, image_id, {})
    untouched = await shelf.row(image_id)
    cleared: ImageChange = {"title": None, "alt": None, "description": None, "creator": None, "tags": None}
    await shelf.library.update(shelf.me, image_id, {**cleared, "metadata": None, "album_id": None, "focal_point": None})
    after = await shelf.row(image_id)

    assert {name for name in before._fields if getattr(before, name) != getattr(untouched, name)} == {"updated_at"}
    assert (after.title, after.alt, after.description, after.creator) == (None, None, None, None)
    assert (after.tags, after.meta, after.album_id, after.focal_x, after.focal_y) == ([], {}, None, None, None)
    assert (after.filename, after.visibility) == (before.filename, before.visibility)


BAD_CHANGES: list[tuple[ImageChange, str]] = [
    ({"filename": ""}, "filename"),
    ({"filename": None}, "filename"),
    ({"filename": "a/.."}, "filename"),
    ({"filename": "a\0b"}, "filename"),
    ({"title": "x" * 256}, "title"),
    ({"title": "\ud800"}, "title"),
    ({"alt": "x" * 5001}, "alt"),
    ({"creator": "x" * 1025}, "creator"),
    ({"tags": [""]}, "tags"),
    ({"tags": [str(index) for index in range(51)]}, "tags"),
    ({"metadata": {"k": "x" * 1024}}, "metadata"),
    ({"metadata": []}, "metadata"),
    ({"visibility": None}, "visibility"),
    ({"is_nsfw": None}, "isNsfw"),
    ({"focal_point": (0.5, 1.01)}, "focalPoint"),
    ({"focal_point": (float("nan"), 0.5)}, "focalPoint"),
    ({"album_id": AlbumId(make_uuid())}, "albumId"),
    ({"album_slug": "nowhere"}, "albumSlug"),
    ({"album_slug": "theirs"}, "albumSlug"),
    ({"album_slug": "trip", "clear_album": True}, "clearAlbum"),
]


async def test_a_change_that_cannot_be_names_its_field_and_changes_nothing(shelf: Shelf) -> None:
    await shelf.add_album("trip")
    await shelf.add_album("theirs", shelf.other)
    image_id = await shelf.add_image()
    before = await shelf.row(image_id)

    refused = [await _refusal(shelf, image_id, change) for change, _ in BAD_CHANGES]

    unknown = {"albumId", "albumSlug"}
    assert refused == [("NOT_FOUND" if field in unknown else "INVALID_REQUEST", field) for _, field in BAD_CHANGES]
    assert await shelf.row(image_id) == before


async def _refusal(shelf: Shelf, image_id: ImageId, change: ImageChange) -> tuple[str, object]:
    with pytest.raises(SafelightError) as refused:
        await shelf.library.update(shelf.me, image_id, change)
    return refused.value.code.value, refused.value.details.get("field")


async def test_foreign_absent_and_thrown_away_images_cannot_be_changed(shelf: Shelf) -> None:
    foreign = await shelf.add_image(shelf.other)
    thrown = await shelf.add_image(deleted_at=T0)

    refused = [await _refusal(shelf, key, {"title": "T"}) for key in (foreign, thrown, ImageId(make_uuid()))]

    assert refused == [("NOT_FOUND", None)] * 3
    assert (await shelf.row(foreign)).title is None


async def test_a_changed_text_is_found_at_once_and_the_old_one_no_longer(shelf: Shelf) -> None:
    image_id = await shelf.add_image(filename="old.jpg", tags=["first"])

    await shelf.library.update(shelf.me, image_id, {"filename": "new.jpg", "tags": ["second"]})

    found = [await shelf.list(words(text)) for text in ("old", "new", "first", "second")]
    assert found == [[], [image_id], [], [image_id]]
    assert await shelf.list(ImageFilter(tags=("first",))) == []
    assert await shelf.list(ImageFilter(tags=("second",))) == [image_id]


async def test_filenames_stay_unique_within_an_album_by_move_rename_and_restore(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    first, second, third, fourth = [await shelf.add_image(filename="beach.jpg") for _ in range(4)]

    for image_id in (first, second):
        await shelf.library.update(shelf.me, image_id, {"album_id": album})
    await shelf.library.update_many(shelf.me, [third], BulkChange(album_id=album))
    await shelf.trash.delete(shelf.me, [first], permanent=False)
    await shelf.library.update(shelf.me, second, {"filename": "beach.jpg"})
    await shelf.library.update(shelf.me, second, {"filename": "beach.jpg"})
    await shelf.trash.restore(shelf.me, [first])

    names = [(await shelf.row(image_id)).filename for image_id in (first, second, third, fourth)]
    assert names == ["beach-2.jpg", "beach.jpg", "beach-3.jpg", "beach.jpg"]
    assert await shelf.list(words("beach 2")) == [first]


async def test_numbers_count_past_those_that_are_taken_whatever_the_name_holds(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    names = ["100%.jpg", "100%-2.jpg", "a_b", "x" * 250 + ".jpeg", "a\\b.gif"]
    for name in names:
        await shelf.add_image(filename=name, album_id=album)
    moved = [await shelf.add_image(filename=name) for name in names]

    await shelf.library.update_many(shelf.me, moved, BulkChange(album_id=album))

    renamed = [(await shelf.row(image_id)).filename for image_id in moved]
    assert renamed == ["100%-3.jpg", "100%-2-2.jpg", "a_b-2", "x" * 248 + "-2.jpeg", "a\\b-2.gif"]


async def test_many_moved_into_one_album_at_once_all_get_names_of_their_own(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    ids = [await shelf.add_image(filename="beach.jpg") for _ in range(12)]

    await asyncio.gather(*(shelf.library.update(shelf.me, key, {"album_id": album}) for key in ids))

    assert len({(await shelf.row(key)).filename for key in ids}) == 12


async def test_many_are_changed_and_the_others_told_one_by_one(shelf: Shelf) -> None:
    album = await shelf.add_album("trip")
    full = await shelf.add_image(tags=[str(number) for number in range(50)])
    foreign, absent = await shelf.add_image(shelf.other), ImageId(make_uuid())
    good = await shelf.add_image(tags=["old", "kept"])
    change = BulkChange(album_id=album, add_tags=("new",), remove_tags=("old",), visibility=Visibility.PRIVATE)

    batch = await shelf.library.update_many(shelf.me, [foreign, good, absent, full, good], change)

    assert batch.done == [good]
    assert {key: error.code.value for key, error in batch.failed.items()} == {
        foreign: "NOT_FOUND",
        absent: "NOT_FOUND",
        full: "INVALID_REQUEST",
    }
    row = await shelf.row(good)
    assert (row.tags, row.album_id, row.visibility) == (["kept", "new"], album, Visibility.PRIVATE)
    assert (await shelf.row(full)).album_id is None


async def test_101_ids_are_refused(shelf: Shelf) -> None:
    ids = [ImageId(make_uuid()) for _ in range(101)]
    calls = [
        shelf.library.update_many(shelf.me, ids, BulkChange()),
        shelf.trash.delete(shelf.me, ids, permanent=False),
        shelf.trash.restore(shelf.me, ids),
    ]

    for call in calls:
        with pytest.raises(SafelightError) as refused:
            await call
        assert (refused.value.code.value, refused.value.details) == ("INVALID_REQUEST", {"field": "ids"})


async def test_a_changed_visibility_changes_what_later_uploads_are_duplicates_of(shelf: Shelf) -> None:
    public = await shelf.add_image()
    row = await shelf.row(public)
    assert row.sha256 is not None
    private = await shelf.add_image(
        visibility=Visibility.PRIVATE,
        sha256=row.sha256,
        dedupe_key=dedupe_key(row.owner_id, Visibility.PRIVATE, row.sha256),
    )

    await shelf.library.update(shelf.me, public, {"visibility": Visibility.PRIVATE})
    clashing = await shelf.row(public)
    await shelf.library.update(shelf.me, private, {"visibility": Visibility.PUBLIC})

    assert clashing.dedupe_key is None
    assert (await shelf.row(private)).dedupe_key == dedupe_key(row.owner_id, Visibility.PUBLIC, row.sha256)


async def test_whoever_changes_an_image_hears_of_it_before_the_answer(shelf: Shelf) -> None:
    heard: list[Hint] = []
    shelf.bus.listen_to_all(heard.append, lambda: None)
    image_id = await shelf.add_image()

    await shelf.library.update(shelf.me, image_id, {"visibility": Visibility.PRIVATE})
    await shelf.trash.delete(shelf.me, [image_id], permanent=False)
    await shelf.trash.restore(shelf.me, [image_id])

    assert [hint.image_id for hint in heard] == [image_id] * 3


async def test_changing_needs_its_scope(shelf: Shelf) -> None:
    image_id = await shelf.add_image()
    reader = without(shelf.me, Scope.IMAGES_WRITE)
    calls = [
        shelf.library.update(reader, image_id, {}),
        shelf.library.update_many(reader, [image_id], BulkChange()),
        shelf.trash.delete(reader, [image_id], permanent=True),
        shelf.trash.restore(reader, [image_id]),
    ]

    for call in calls:
        with pytest.raises(SafelightError) as refused:
            await call
        assert refused.value.code.value == "FORBIDDEN"
