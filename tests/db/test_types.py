"""Moments come back as they went in, aware and in UTC, to the microsecond; naive ones do not get in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from app.db.engine import Database
from app.db.images import find_image
from tests.support.db_rows import NOW, add_account, add_image


async def test_a_moment_of_any_zone_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))

    async with database.write() as db:
        image_id = await add_image(db, await add_account(db), created_at=elsewhere, deleted_at=None)
    async with database.read() as db:
        image = await find_image(db, image_id)

    assert image is not None
    assert image.created_at == NOW
    assert image.created_at.utcoffset() == timedelta(0)
    assert image.created_at.microsecond == NOW.microsecond
    assert image.deleted_at is None


async def test_a_naive_moment_is_refused(database: Database) -> None:
    naive = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises((AssertionError, StatementError)):
        async with database.write() as db:
            await add_image(db, await add_account(db), created_at=naive)


async def test_json_none_is_null_and_everything_else_comes_back(database: Database) -> None:
    meta = {"a": [1, 2.5, None, "ü", {"b": True}]}

    async with database.write() as db:
        image_id = await add_image(db, await add_account(db), meta=meta, exif=None)
    async with database.read() as db:
        image = await find_image(db, image_id)

    assert image is not None
    assert (image.meta, image.exif) == (meta, None)
