"""Pages by key: every row once and in order, whatever comes and goes between two pages, equal moments included."""

from datetime import timedelta

import pytest

from app.db.engine import Database
from app.db.images import ImageQuery, Position, count_images, list_images
from app.db.records import ImageRecord
from app.domain.states import ImageState
from app.ids import AccountId, ImageId
from tests.db.rows import NOW, add_account, add_image

PAGE = 3


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_hold_every_image_once_in_order(database: Database, newest_first: bool) -> None:
    owner_id, ids = await _add_images(database)

    seen = [image.id for image in await _read_all(database, owner_id, newest_first=newest_first)]

    assert seen == (ids[::-1] if newest_first else ids)


async def test_what_is_added_between_two_pages_shifts_nothing(database: Database) -> None:
    owner_id, ids = await _add_images(database)
    async with database.write() as db:
        first = await list_images(db, ImageQuery(owner_id), limit=PAGE)
        await add_image(db, owner_id, created_at=NOW + timedelta(days=1))
        rest = await list_images(db, ImageQuery(owner_id), limit=100, after=_position(first[-1]))

    assert [image.id for image in [*first, *rest]] == ids[::-1]


async def test_a_list_holds_neither_drafts_nor_aliases_nor_trash_nor_the_images_of_others(database: Database) -> None:
    owner_id, ids = await _add_images(database)
    async with database.write() as db:
        await add_image(db, owner_id, state=ImageState.AWAITING_UPLOAD, uploaded_at=None)
        await add_image(db, owner_id, alias_of=ids[0])
        await add_image(db, owner_id, deleted_at=NOW)
        await add_image(db, await add_account(db))
        failed = await add_image(db, owner_id, state=ImageState.FAILED, created_at=NOW - timedelta(days=1))

        assert await count_images(db, ImageQuery(owner_id)) == len(ids) + 1
        found = await list_images(db, ImageQuery(owner_id, (ImageState.FAILED,)), limit=10)

    assert [image.id for image in found] == [failed]


async def _add_images(database: Database) -> tuple[AccountId, list[ImageId]]:
    """Ten images, each pair of which came at the same moment; in the order of moment and id."""
    async with database.write() as db:
        owner_id = await add_account(db)
        made = [
            (NOW + timedelta(seconds=index // 2), await add_image(db, owner_id, created_at=moment))
            for index in range(10)
            for moment in [NOW + timedelta(seconds=index // 2)]
        ]
    return owner_id, [image_id for _, image_id in sorted(made)]


async def _read_all(database: Database, owner_id: AccountId, *, newest_first: bool) -> list[ImageRecord]:
    found: list[ImageRecord] = []
    while True:
        after = _position(found[-1]) if found else None
        async with database.read() as db:
            page = await list_images(db, ImageQuery(owner_id), limit=PAGE, after=after, newest_first=newest_first)
        if not page:
            return found
        found += page


def _position(image: ImageRecord) -> Position:
    return Position(image.created_at, image.id)
