"""The migrations make just the tables that the code has, forwards and backwards, once however many start at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from app.db.engine import Database
from app.db.migrating import NotMigrated, check_is_migrated, migrate
from app.db.tables import METADATA


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
    context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": METADATA})
    return list(compare_metadata(context, METADATA))


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())
