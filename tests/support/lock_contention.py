"""Interleavings: one transaction is held open while something else comes to what it holds."""

import asyncio

from sqlalchemy import text

from app.db.engine import Database
from tests.support.waiting import eventually

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def until_met(database: Database, task: "asyncio.Task[object]") -> None:
    """Until a task waits for what an open transaction holds, or has ended without.

    On SQLite a writer waits for the whole database, from its beginning on: there is no state to be awaited.
    """
    if database.is_sqlite:
        await asyncio.sleep(0)
        return

    async def is_met() -> bool:
        async with database.read() as db:
            waiting = (await db.execute(_WAITING)).scalar_one()
        return task.done() or waiting > 0

    await eventually(is_met, "a transaction waits for a lock")
