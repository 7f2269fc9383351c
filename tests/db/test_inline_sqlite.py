"""Short reads are done at once, long ones in a thread; either way the answer is the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import TextClause, create_engine, text

from app.db.engine import Database
from app.db.inline_sqlite import InlineReader, connect_eagerly
from app.errors import Unavailable
from tests.support.waiting import in_time

COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n) SELECT count(*), max(i) FROM n"
LONG = 2_000_000


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[InlineReader]:
    engine = create_engine("sqlite://", creator=lambda: connect_eagerly(str(tmp_path / "rows.db")))
    reader = InlineReader(engine.connect())
    yield reader
    reader.close()
    engine.dispose()


def count(rows: int) -> TextClause:
    return text(COUNT).bindparams(n=rows)


async def test_a_short_read_waits_for_nothing(reader: InlineReader) -> None:
    asking = reader.execute(count(10))

    with pytest.raises(StopIteration) as done:
        asking.send(None)

    assert done.value.value.one() == (10, 10)


async def test_a_long_read_leaves_the_loop_free_and_is_right(reader: InlineReader) -> None:
    reading = asyncio.create_task(reader.execute(count(LONG)))
    turns = 0

    while not reading.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 10
    assert reading.result().one() == (LONG, LONG)


async def test_a_long_read_that_nobody_waits_for_ends_and_the_connection_lives(reader: InlineReader) -> None:
    reading = asyncio.create_task(reader.execute(count(50 * LONG)))
    for _ in range(3):
        await asyncio.sleep(0)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(reading)

    assert (await reader.execute(text("SELECT 1"))).scalar_one() == 1


async def test_rows_come_one_by_one_in_parts_and_all_at_once(reader: InlineReader) -> None:
    statement = text("SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5")

    result = await reader.execute(statement)

    assert result.fetchone() == (1,)
    assert [row[0] for row in result.fetchmany(2)] == [2, 3]
    assert [row[0] for row in result.fetchall()] == [4, 5]
    assert (result.fetchone(), list(result.fetchmany(2)), list(result.fetchall())) == (None, [], [])


async def test_a_transaction_in_which_nothing_was_asked_ends_too(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rows.db'}")
    for _ in range(3):
        async with database.read():
            pass

    await database.check()
    await database.close()


async def test_more_readers_than_connections_take_turns(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rows.db'}", pool_connections=2)
    inside = most = 0

    async def read() -> None:
        nonlocal inside, most
        async with database.read() as db:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            await db.execute(text("SELECT 1"))
            inside -= 1

    await asyncio.gather(*(read() for _ in range(20)))
    await database.close()

    assert (inside, most) == (0, 2)


async def test_a_transaction_sees_one_state_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rows.db'}")
    async with database.write() as db:
        await db.execute(text("CREATE TABLE things (id INTEGER)"))

    async with database.read() as reader:
        before = (await reader.execute(text("SELECT count(*) FROM things"))).scalar_one()
        async with database.write() as writer:
            await writer.execute(text("INSERT INTO things VALUES (1)"))
        await reader.execute(count(LONG))
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
