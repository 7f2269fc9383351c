"""Writers that come all at once, and transactions that see one state."""

import asyncio

import pytest

from app.db.engine import Database
from app.db.failures import RowConflict
from app.db.images import bump_revision, find_image
from app.ids import ImageId
from tests.support.db_rows import NOW, add_account, add_image

WRITERS, WRITES = 16, 6


async def test_sixteen_writers_lose_no_update_and_find_no_locked_database(database_url: str) -> None:
    first = Database(database_url)
    async with first.write() as db:
        image_id = await add_image(db, await add_account(db))
    # Each with connections of its own, as each process has.
    writers = [Database(database_url, pool_connections=1) for _ in range(WRITERS)]

    async def write(writer: Database) -> None:
        for _ in range(WRITES):
            async with writer.write() as db:
                image = await find_image(db, image_id, for_update=True)
                assert image is not None
                assert await bump_revision(db, image_id, now=NOW) == image.revision + 1

    await asyncio.gather(*map(write, writers))

    async with first.read() as db:
        image = await find_image(db, image_id)
    assert image is not None
    assert image.revision == WRITERS * WRITES
    for database in (first, *writers):
        await database.close()


async def test_a_reading_transaction_sees_one_state(database: Database) -> None:
    async with database.write() as db:
        image_id = await add_image(db, await add_account(db))

    async with database.read() as db:
        before = await find_image(db, image_id)
        async with database.write() as other:
            await bump_revision(other, image_id, now=NOW)
        after = await find_image(db, image_id)

    assert before == after


async def test_a_transaction_that_breaks_off_leaves_nothing(database: Database) -> None:
    added: list[ImageId] = []

    with pytest.raises(RowConflict):
        await _add_twice(database, added)

    async with database.read() as db:
        assert await find_image(db, added[0]) is None


async def _add_twice(database: Database, added: list[ImageId]) -> None:
    async with database.write() as db:
        for _ in range(2):
            added.append(await add_image(db, await add_account(db), dedupe_key="once"))
