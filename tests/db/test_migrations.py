"""The migrations make just the tables that the code has, forwards and backwards, once however many start at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from app.db.engine import Database
from app.db.metadata import is_modelled
from app.db.migrating import NotMigrated, check_is_migrated, migrate
from app.db.presets import find_preset, insert_preset
from app.db.tables import images
from app.db.variants import insert_variants
from app.domain.variants import Derivative, Family, Fit, MetadataPolicy
from app.ids import make_uuid
from app.services.making.planning import planned_rows
from tests.support.db_rows import NOW, SIZES, add_account, add_image, add_variants

PRESET = {
    **{"name": "hero", "fit": Fit.SCALE_DOWN, "width_px": 9, "keeps_metadata": MetadataPolicy.NONE},
    **{"never_require_signed_urls": True, "created_at": NOW, "updated_at": NOW},
}


@pytest_asyncio.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    database = Database(empty_url)
    yield database
    await database.close()


async def test_the_tables_are_those_of_the_newest_migration(empty: Database) -> None:
    await migrate(empty)

    async with empty.write() as connection:
        assert await connection.run_sync(_differences) == []


async def test_what_was_migrated_can_be_taken_back_and_migrated_again(empty: Database) -> None:
    await migrate(empty)
    await migrate(empty, target="base")

    async with empty.read() as connection:
        assert await connection.run_sync(_tables) <= {"alembic_version"}
    await migrate(empty)
    async with empty.write() as connection:
        assert await connection.run_sync(_differences) == []


async def test_the_version_before_free_transformations_finds_none_of_them(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as db:
        image_id = await add_image(db, await add_account(db))
        await add_variants(db, image_id)
        [row] = planned_rows(image_id, [Derivative(Family.PNG, "~0")], now=NOW)
        await insert_variants(db, [{**row, "options": "width=1", "is_on_demand": True}])

    await migrate(empty, target="0002")

    async with empty.read() as db:
        left = (await db.execute(text("SELECT size FROM variants ORDER BY position"))).scalars().all()
    assert left == list(SIZES)


async def test_sizes_of_the_version_before_times_of_their_own_have_none(empty: Database) -> None:
    await migrate(empty)
    async with empty.write() as db:
        owner_id = await add_account(db)
        await insert_preset(db, {**PRESET, "id": make_uuid(), "owner_id": owner_id, "browser_ttl_s": 60})
        before = await find_preset(db, owner_id, "hero")

    await migrate(empty, target="0005")
    await migrate(empty)

    async with empty.read() as db:
        after = await find_preset(db, owner_id, "hero")
    assert before is not None
    assert after == before._replace(browser_ttl_s=None)


async def test_two_processes_that_migrate_at_once_migrate_once(empty: Database, empty_url: str) -> None:
    others = [Database(empty_url) for _ in range(4)]

    await asyncio.gather(*map(migrate, others))

    await check_is_migrated(empty)
    for other in others:
        await other.close()


async def test_a_database_without_tables_is_not_migrated(empty: Database) -> None:
    with pytest.raises(NotMigrated):
        await check_is_migrated(empty)


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "target_metadata": images.metadata, "include_name": is_modelled}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, images.metadata))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())
