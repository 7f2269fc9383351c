"""SQLite for short reads without a thread: a query that takes microseconds is run where it is asked for.

A driver with a thread hands every cursor, query and row to it and back, which costs ten times what such a query does.
Here a query is run at once, within a budget of steps; the few that need more are begun anew in a thread, so that no
long search holds up the event loop. For connections that only read: beginning anew would do a write twice.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

# What SQLAlchemy hands over and takes back is any value that SQLite knows: Any throughout this module.

STEPS_AT_ONCE = 60_000
"""Instructions of SQLite's virtual machine, 1 to 2 ms of them; a page of 100 images takes some 10,000."""

ResultT = TypeVar("ResultT")


class InlineConnection:
    """What SQLAlchemy's dialect for `aiosqlite` needs of a connection, and no more."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._is_over_budget = False

    @classmethod
    async def open(cls, path: str) -> "InlineConnection":
        """A connection in which nothing begins a transaction by itself."""
        return cls(sqlite3.connect(path, isolation_level=None, check_same_thread=False))

    def cursor(self) -> "InlineCursor":
        """A cursor; it has no rows of its own but those of its last query."""
        return InlineCursor(self)

    async def run(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        """Do it now, or, if it turns out to be long, once more in a thread."""
        connection = self._opened()
        self._is_over_budget = False
        connection.set_progress_handler(self._stop, STEPS_AT_ONCE)
        try:
            return work(connection)
        except sqlite3.OperationalError:
            if not self._is_over_budget:
                raise
        finally:
            connection.set_progress_handler(None, 0)
        working = asyncio.ensure_future(asyncio.to_thread(work, connection))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            # Nobody may touch the connection while the thread does.
            connection.interrupt()
            await asyncio.wait([working])
            raise

    async def commit(self) -> None:
        """End the transaction."""
        self._opened().commit()

    async def rollback(self) -> None:
        """End the transaction."""
        self._opened().rollback()

    async def close(self) -> None:
        """Close it."""
        self.stop()

    def stop(self) -> None:
        """Close it, from wherever."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        """Give SQLite a function of Python's."""
        self._opened().create_function(*arguments, **options)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    def _stop(self) -> int:
        self._is_over_budget = True
        return 1


class InlineCursor:
    """One query at a time, whose rows are read with it."""

    arraysize = 1
    rowcount = -1
    lastrowid = 0

    def __init__(self, connection: InlineConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None

    async def __aenter__(self) -> "InlineCursor":
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> "InlineCursor":
        """Run a query and read its rows."""

        def work(connection: sqlite3.Connection) -> tuple[Any, list[Any], int]:
            cursor = connection.execute(operation, parameters)
            return cursor.description, cursor.fetchall(), cursor.rowcount

        self.description, self._rows, self.rowcount = await self._connection.run(work)
        return self

    async def fetchall(self) -> list[Any]:
        """Its rows, once."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Forget its rows."""
        self._rows = []
