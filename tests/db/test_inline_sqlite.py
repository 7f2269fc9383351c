"""Short reads are done at once, long ones in a thread; either way the answer is the same."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.engine import Database
from app.db.inline_sqlite import InlineConnection
from app.errors import Unavailable

COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*), max(i) FROM n"
LONG = 2_000_000


@pytest.fixture
async def connection(tmp_path: Path) -> InlineConnection:
    return await InlineConnection.open(str(tmp_path / "rows.db"))


async def test_a_short_read_waits_for_nothing(connection: InlineConnection) -> None:
    asking = connection.cursor().execute(COUNT, (10,))

    with pytest.raises(StopIteration) as done:
        asking.send(None)

    assert await done.value.value.fetchall() == [(10, 10)]


async def test_a_long_read_leaves_the_loop_free_and_is_right(connection: InlineConnection) -> None:
    cursor = connection.cursor()
    reading = asyncio.create_task(cursor.execute(COUNT, (LONG,)))
    turns = 0

    while not reading.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 10
    assert await cursor.fetchall() == [(LONG, LONG)]


async def test_a_long_read_that_nobody_waits_for_ends_and_the_connection_lives(connection: InlineConnection) -> None:
    reading = asyncio.create_task(connection.cursor().execute(COUNT, (50 * LONG,)))
    for _ in range(3):
        await asyncio.sleep(0)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reading, 5)

    cursor = await connection.cursor().execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]


async def test_a_transaction_sees_one_state_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rows.db'}")
    async with database.write() as db:
        await db.execute(text("CREATE TABLE things (id INTEGER)"))

    async with database.read() as reader:
        before = (await reader.execute(text("SELECT count(*) FROM things"))).scalar_one()
        async with database.write() as writer:
            await writer.execute(text("INSERT INTO things VALUES (1)"))
        await reader.execute(text(COUNT.replace("?", str(LONG))))
        during = (await reader.execute(text("SELECT count(*) FROM things"))).scalar_one()
    async with database.read() as reader:
        after = (await reader.execute(text("SELECT count(*) FROM things"))).scalar_one()
    await database.close()

    assert (before, during, after) == (0, 0, 1)


async def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'nowhere' / 'rows.db'}")

    with pytest.raises(Unavailable):
        await database.check()

    await database.close()
