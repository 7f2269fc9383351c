"""Every filter and every order of lists of images, on both databases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from app.domain.access import Scope, Visibility
from app.domain.formats import ImageFormat
from app.domain.listing import Direction, ImageFilter, ImageOrder, OrderField, Position, TrashView
from app.domain.metadata_filters import Comparison, MetadataTest
from app.domain.states import ImageState
from app.errors import SafelightError
from app.ids import ImageId
from app.services.library.images import PageRequest
from tests.support.library_fixture import T0, Shelf, without, words

pytestmark = pytest.mark.both_set_ups

EVERY_ORDER = [ImageOrder(field, direction) for field, direction in product(OrderField, Direction)]


async def test_each_filter_shows_what_fits_and_nothing_else(shelf: Shelf) -> None:
    album, empty = await shelf.add_album("trip"), await shelf.add_album("empty")
    foreign = await shelf.add_album("trip", shelf.other)
    plain = await shelf.add_image()
    placed = await shelf.add_image(album_id=album, tags=["sea", "sun"], creator="Ada", is_nsfw=True)
    private = await shelf.add_image(visibility=Visibility.PRIVATE, tags=["sea"], format=ImageFormat.PNG)
    failed = await shelf.add_image(state=ImageState.FAILED, tags=["sun"])
    thrown = await shelf.add_image(deleted_at=T0)
    await shelf.add_image(state=ImageState.AWAITING_UPLOAD, uploaded_at=None)
    await shelf.add_image(alias_of=plain)
    await shelf.add_image(shelf.other, tags=["sea"], creator="Ada", album_id=foreign)
    expected = {
        ImageFilter(): [failed, private, placed, plain],
        ImageFilter(album_id=album): [placed],
        ImageFilter(album_id=empty): [],
        ImageFilter(album_id=foreign): [],
        ImageFilter(album_slug="trip"): [placed],
        ImageFilter(album_slug="nowhere"): [],
        ImageFilter(has_no_album=True): [failed, private, plain],
        ImageFilter(tags=("sea",)): [private, placed],
        ImageFilter(tags=("sea", "sun")): [placed],
        ImageFilter(any_tags=("sea", "sun")): [failed, private, placed],
        ImageFilter(creator="Ada"): [placed],
        ImageFilter(visibility=Visibility.PRIVATE): [private],
        ImageFilter(is_nsfw=True): [placed],
        ImageFilter(is_nsfw=False): [failed, private, plain],
        ImageFilter(states=(ImageState.FAILED,)): [failed],
        ImageFilter(formats=(ImageFormat.PNG, ImageFormat.GIF)): [private],
        ImageFilter(formats=()): [],
        ImageFilter(created_after=T0 + timedelta(minutes=2)): [failed, private],
        ImageFilter(created_before=T0 + timedelta(minutes=2)): [plain],
        ImageFilter(trash=TrashView.INCLUDED): [thrown, failed, private, placed, plain],
        ImageFilter(trash=TrashView.ONLY): [thrown],
        ImageFilter(fits_nothing=True): [],
    }

    shown = {wanted: await shelf.list(wanted) for wanted in expected}

    assert shown == expected


SEARCHED = {
    "beach": {"beach"},
    "BEACH": {"beach"},
    "bea": {"beach"},
    "each": set(),
    "beach 2": {"beach"},
    "2 beach": {"beach"},
    "jpg": {"cafe", "odd"},
    "cafe": {"cafe"},
    "Café": {"cafe"},
    "münchen": {"cafe"},
    "munchen at night": {"cafe"},
    "strasse": {"cafe"},
    "sunset": {"odd"},
    "sun-set": set(),
    "東京": {"odd"},
    "'\"*;--": set(),
    "beach'; DROP TABLE images": set(),
    "or": set(),
    "NOT beach": set(),
    "near": set(),
    "1e5": {"odd"},
    "007": {"odd"},
}


async def test_search_finds_beginnings_of_words_in_every_text_and_tag(shelf: Shelf) -> None:
    ids = {
        "beach": await shelf.add_image(filename="beach-2.jpeg", title="x" * 300),
        "cafe": await shelf.add_image(
            filename="a.jpg", title="Cafe\u0301 in München", alt="At night", description="Straße"
        ),
        "odd": await shelf.add_image(filename="b.jpg", tags=["sunset", "東京タワー"], description="1e5 007 <b>&"),
    }
    await shelf.add_image(shelf.other, filename="beach.jpg", title="Café 1e5")
    names = {image_id: name for name, image_id in ids.items()}

    found = {text: {names[image_id] for image_id in await shelf.list(words(text))} for text in SEARCHED}

    assert found == SEARCHED


@pytest.mark.parametrize("order", EVERY_ORDER, ids=lambda order: f"{order.field.value}-{order.direction.value}")
async def test_pages_forward_and_backward_show_each_image_once_in_order(shelf: Shelf, order: ImageOrder) -> None:
    every = await _add_various(shelf)
    whole = await shelf.list(order=order)

    forward = await _walk(shelf, order, limit=2)
    backward = await _walk(shelf, order, limit=2, is_backward=True)

    assert whole == await _sorted(shelf, every, order)
    assert forward == whole
    assert backward == whole


async def _add_various(shelf: Shelf) -> list[ImageId]:
    names = ["b.jpg", "B.jpg", "a.jpg", "ä.jpg", "_.jpg", "b.jpg", "a b.jpg"]
    ids = []
    for index, name in enumerate(names):
        ids.append(
            await shelf.add_image(
                filename=name,
                byte_size=1000 + index % 3,
                views=index % 2,
                created_at=T0 + timedelta(seconds=index % 4),
                updated_at=T0 - timedelta(seconds=index),
                taken_at=T0 + timedelta(days=index % 2) if index % 3 else None,
            )
        )
    return ids


async def _sorted(shelf: Shelf, ids: Sequence[ImageId], order: ImageOrder) -> list[ImageId]:
    rows = [await shelf.row(image_id) for image_id in ids]
    name = order.field.value
    dated = sorted(
        (row for row in rows if getattr(row, name) is not None),
        key=lambda row: (getattr(row, name), row.id.hex),
        reverse=order.is_descending,
    )
    undated = sorted((row for row in rows if getattr(row, name) is None), key=lambda row: row.id.hex)
    return [row.id for row in [*dated, *(reversed(undated) if order.is_descending else undated)]]


async def _walk(shelf: Shelf, order: ImageOrder, *, limit: int, is_backward: bool = False) -> list[ImageId]:
    request = PageRequest(limit, order, is_backward=is_backward)
    found: list[ImageId] = []
    while True:
        page = await shelf.images.list_page(shelf.me, request, ImageFilter())
        here = [snapshot.image.id for snapshot in page.snapshots]
        found = here + found if is_backward else found + here
        assert page.total_count == 7
        if not page.has_more:
            return found
        edge = page.snapshots[0 if is_backward else -1].image
        request = replace(request, beyond=Position(getattr(edge, order.field.value), edge.id))


async def test_a_place_of_an_image_that_is_gone_still_leads_on(shelf: Shelf) -> None:
    first, second, third = [await shelf.add_image() for _ in range(3)]
    row = await shelf.row(second)
    await shelf.trash.delete(shelf.me, [second], permanent=True)

    request = PageRequest(10, beyond=Position(row.created_at, row.id))
    after = await shelf.images.list_page(shelf.me, request, ImageFilter())
    before = await shelf.images.list_page(shelf.me, replace(request, is_backward=True), ImageFilter())

    assert [snapshot.image.id for snapshot in after.snapshots] == [first]
    assert [snapshot.image.id for snapshot in before.snapshots] == [third]


async def test_a_position_of_anothers_image_shows_the_callers_own_alone(shelf: Shelf) -> None:
    mine = await shelf.add_image()
    foreign = await shelf.row(await shelf.add_image(shelf.other))

    page = await shelf.images.list_page(
        shelf.me, PageRequest(10, beyond=Position(foreign.created_at, foreign.id)), ImageFilter()
    )

    assert [snapshot.image.id for snapshot in page.snapshots] == [mine]


async def test_a_long_page_with_all_that_surrounds_it_costs_six_statements(shelf: Shelf) -> None:
    albums = [await shelf.add_album(f"album-{index}") for index in range(5)]
    for index in range(50):
        await shelf.add_image(album_id=albums[index % 5], tags=["a", "b"])
    shelf.statements.clear()

    page = await shelf.images.list_page(shelf.me, PageRequest(50), ImageFilter(tags=("a",)))

    assert len(page.snapshots) == 50
    assert all(snapshot.owner and snapshot.album for snapshot in page.snapshots)
    assert len(shelf.statements) <= 6, shelf.statements


async def test_lists_need_their_scope(shelf: Shelf) -> None:
    with pytest.raises(SafelightError) as refused:
        await shelf.list(owner=without(shelf.me, Scope.IMAGES_READ))

    assert refused.value.code.value == "FORBIDDEN"


async def test_tags_are_counted_by_use_and_prefix(shelf: Shelf) -> None:
    for tags in (["sea", "sun"], ["sea"], ["Sea", "snow%"], ["secret"]):
        await shelf.add_image(tags=tags)
    await shelf.add_image(tags=["sea"], deleted_at=T0)
    await shelf.add_image(shelf.other, tags=["sea", "foreign"])

    every = await shelf.albums.count_tags(shelf.me, None)
    some = await shelf.albums.count_tags(shelf.me, "se")
    odd = await shelf.albums.count_tags(shelf.me, "snow%")

    assert every[0] == ("sea", 2)
    assert dict(every) == {"sea": 2, "sun": 1, "Sea": 1, "snow%": 1, "secret": 1}
    assert some == [("sea", 2), ("secret", 1)]
    assert odd == [("snow%", 1)]


async def test_the_same_question_finds_each_owner_their_own(shelf: Shelf) -> None:
    owners = (shelf.me, shelf.other)
    own = {}
    for owner in owners:
        album_id = await shelf.add_album("trip", owner)
        own[owner] = [await shelf.add_image(owner, album_id=album_id, tags=["sea"])]
    questions = (
        ImageFilter(),
        ImageFilter(album_slug="trip"),
        ImageFilter(tags=("sea",)),
        ImageFilter(words=("picture",)),
    )

    # One after the other, as the statement that the first was answered by is kept for the second.
    for wanted, order, owner in product(questions, EVERY_ORDER[:4], owners):
        assert await shelf.list(wanted, order=order, owner=owner) == own[owner], (wanted, order)


async def test_the_same_question_finds_what_came_since(shelf: Shelf) -> None:
    first = await shelf.add_image()
    assert await shelf.list() == [first]

    second = await shelf.add_image()

    assert await shelf.list() == [second, first]
    await shelf.set_columns(first, deleted_at=T0)
    assert await shelf.list() == [second]


async def test_values_that_are_the_same_to_python_are_not_to_metadata(shelf: Shelf) -> None:
    number = await shelf.add_image(meta={"k": 1})
    truth = await shelf.add_image(meta={"k": True})

    for value, found in ((1, number), (True, truth), (1.0, number), (True, truth)):
        wanted = ImageFilter(metadata=(MetadataTest(("k",), Comparison.IN, (value,)),))
        assert await shelf.list(wanted) == [found], value
