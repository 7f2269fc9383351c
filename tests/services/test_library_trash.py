"""Deleting for 30 days, for good, and restoring; on both databases."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from app.db.engine import utc_now
from app.db.images import find_image, update_image
from app.domain.listing import ImageFilter, TrashView
from app.domain.states import ImageState
from app.ids import ImageId, make_uuid
from app.services.library.trash import KEPT_FOR, Purger
from app.storage.port import ObjectKey
from tests.support.library_fixture import Shelf, words
from tests.support.lock_contention import until_met

pytestmark = pytest.mark.both_set_ups


async def test_the_trash_hides_keeps_the_state_and_gives_the_content_free(shelf: Shelf) -> None:
    image_id = await shelf.add_image(state=ImageState.PROCESSING)
    before = await shelf.row(image_id)

    batch = await shelf.trash.delete(shelf.me, [image_id, image_id], permanent=False)
    again = await shelf.trash.delete(shelf.me, [image_id], permanent=False)

    row = await shelf.row(image_id)
    assert batch.done == again.done == [image_id]
    assert row.deleted_at is not None
    assert (row.state, row.dedupe_key, row.revision) == (ImageState.PROCESSING, None, before.revision + 1)
    assert await shelf.list() == []
    assert await shelf.list(ImageFilter(trash=TrashView.ONLY)) == [image_id]


async def test_a_restored_image_is_as_before_but_for_content_that_came_again(shelf: Shelf) -> None:
    first, second = await shelf.add_image(), await shelf.add_image()
    before = [await shelf.row(key) for key in (first, second)]
    await shelf.trash.delete(shelf.me, [first, second], permanent=False)
    await shelf.add_image(sha256=before[1].sha256, dedupe_key=before[1].dedupe_key)

    batch = await shelf.trash.restore(shelf.me, [first, second])
    again = await shelf.trash.restore(shelf.me, [first])

    rows = [await shelf.row(key) for key in (first, second)]
    assert batch.done == [first, second]
    assert again.snapshots[0].image == rows[0]
    assert [row.deleted_at for row in rows] == [None, None]
    assert [row.dedupe_key for row in rows] == [before[0].dedupe_key, None]


async def test_drafts_and_strangers_images_are_neither_deleted_nor_restored(shelf: Shelf) -> None:
    draft = await shelf.add_image(state=ImageState.AWAITING_UPLOAD, uploaded_at=None)
    foreign = await shelf.add_image(shelf.other)

    deleted = await shelf.trash.delete(shelf.me, [draft, foreign], permanent=True)
    restored = await shelf.trash.restore(shelf.me, [foreign])

    assert {key: error.code.value for key, error in deleted.failed.items()} == {draft: "CONFLICT", foreign: "NOT_FOUND"}
    assert [error.code.value for error in restored.failed.values()] == ["NOT_FOUND"]
    assert (await shelf.row(foreign)).deleted_at is None


async def test_deleting_for_good_leaves_neither_rows_nor_files(shelf: Shelf, tmp_path: Path) -> None:
    image_id = await shelf.add_image(tags=["gone"], title="vanishing")
    alias = await shelf.add_image(alias_of=image_id, dedupe_key=None)
    kept = await shelf.add_image()
    for key in (image_id, kept):
        await _store_upload(shelf, key, tmp_path)

    batch = await shelf.trash.delete(shelf.me, [alias], permanent=True)

    assert batch.done == [alias]
    assert await shelf.images.find_many(shelf.me, [image_id, alias]) == {}
    assert await shelf.albums.count_tags(shelf.me, None) == []
    assert await shelf.list(words("vanishing")) == []
    assert [stat.key.image_id async for stat in shelf.store.list_objects()] == [kept]


async def test_the_trash_empties_itself_after_30_days(shelf: Shelf, tmp_path: Path) -> None:
    now = utc_now()
    old = await shelf.add_image(deleted_at=now - KEPT_FOR - timedelta(seconds=1))
    young = await shelf.add_image(deleted_at=now - KEPT_FOR + timedelta(minutes=1))
    await _store_upload(shelf, old, tmp_path)

    purged = await Purger(shelf.database, shelf.store, shelf.bus).purge_overdue(now)

    assert purged == 1
    assert set(await shelf.images.find_many(shelf.me, [old, young])) == {young}
    assert [stat async for stat in shelf.store.list_objects()] == []


async def test_an_image_that_is_being_restored_is_not_purged(shelf: Shelf) -> None:
    now = utc_now()
    image_id = await shelf.add_image(deleted_at=now - KEPT_FOR - timedelta(seconds=1))
    purger = Purger(shelf.database, shelf.store, shelf.bus)

    async with shelf.database.write() as restoring:
        await find_image(restoring, image_id, for_update=True)
        await update_image(restoring, image_id, {"deleted_at": None})
        purging = asyncio.create_task(purger.purge_overdue(now))
        await until_met(shelf.database, purging)

    assert await purging == 0
    assert (await shelf.row(image_id)).deleted_at is None


async def _store_upload(shelf: Shelf, image_id: ImageId, folder: Path) -> None:
    key = ObjectKey.upload(image_id, 1, make_uuid())
    (folder / "upload").write_bytes(b"bytes")
    await shelf.store.put(key, folder / "upload", media_type="image/jpeg")
    await shelf.set_columns(image_id, upload_key=key.text)
