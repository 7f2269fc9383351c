"""SQLite for short reads without a thread: a query that takes microseconds is run where it is asked for.

A driver with a thread hands every cursor, query and row to it and back, which costs ten times what such a query does.
Here a query is run at once, within a budget of steps; the few that need more are begun anew in a thread, so that no
long search holds up the event loop. For connections that only read: beginning anew would do a write twice.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Executable
from sqlalchemy.exc import OperationalError

# What a query is given and gives back is any value that SQLite knows: Any throughout this module.

ResultT = TypeVar("ResultT")

STEPS_AT_ONCE = 60_000
"""Instructions of SQLite's virtual machine, 1 to 2 ms of them; a page of 100 images takes some 10,000."""


class _EagerCursor(sqlite3.Cursor):
    """Reads all rows with the query, as it is then that the budget holds."""

    _rows: list[Any] = []  # noqa: RUF012  (replaced, never changed)
    _next = 0

    def execute(self, statement: str, parameters: Any = (), /) -> "_EagerCursor":
        super().execute(statement, parameters)
        self._rows, self._next = super().fetchall(), 0
        return self

    def fetchone(self) -> Any:
        if self._next == len(self._rows):
            return None
        self._next += 1
        return self._rows[self._next - 1]

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        first, self._next = self._next, min(self._next + (size or 1), len(self._rows))
        return self._rows[first : self._next]

    def fetchall(self) -> list[Any]:
        first, self._next = self._next, len(self._rows)
        return self._rows[first:] if first else self._rows


class _EagerConnection(sqlite3.Connection):
    def cursor(self, factory: Any = _EagerCursor) -> Any:
        return super().cursor(factory)


def connect_eagerly(path: str) -> sqlite3.Connection:
    """A connection in which nothing begins a transaction by itself, for `InlineReader`."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=_EagerConnection)


class InlineReader:
    """What the functions of `app.db` need of a connection that reads, and no more."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver
        self._is_over_budget = False

    @property
    def dialect(self) -> Dialect:
        """SQLite's."""
        return self._connection.dialect

    def begin(self) -> None:
        """From here on one state of the database is seen."""
        self._driver.execute("BEGIN")

    def end(self) -> None:
        """See what is newest again."""
        # What SQLAlchemy takes for its own transaction goes on: nothing depends on it, and it costs time to end.
        self._driver.rollback()

    def close(self) -> None:
        """Close it for good."""
        self._connection.close()

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a query now, or, if it turns out to be long, once more in a thread."""
        self._is_over_budget = False
        self._driver.set_progress_handler(self._stop, STEPS_AT_ONCE)
        try:
            return self._connection.execute(statement, parameters)
        except OperationalError:
            if not self._is_over_budget:
                raise
        finally:
            self._driver.set_progress_handler(None, 0)
        return await self._execute_in_thread(statement, parameters)

    async def run_sync(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """Give the connection itself to what knows no other."""
        return work(self._connection)

    async def _execute_in_thread(self, statement: Executable, parameters: Any) -> CursorResult[Any]:
        # Asked now and then, and not `interrupt`, which is lost on a query that the thread has not begun yet.
        is_unwanted = threading.Event()
        self._driver.set_progress_handler(is_unwanted.is_set, STEPS_AT_ONCE)
        working = asyncio.ensure_future(asyncio.to_thread(self._connection.execute, statement, parameters))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            # Nobody may touch the connection while the thread does.
            is_unwanted.set()
            await asyncio.wait([working])
            working.exception()
            raise
        finally:
            self._driver.set_progress_handler(None, 0)

    def _stop(self) -> int:
        self._is_over_budget = True
        return 1


class InlineReaders:
    """A bounded number of readers, opened as they are needed."""

    def __init__(self, engine: Engine, *, connections: int, timeout_s: float) -> None:
        self.engine = engine
        self._free: list[InlineReader] = []
        self._places = asyncio.Semaphore(connections)
        self._timeout_s = timeout_s

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[InlineReader]:
        """A reader for one transaction.

        Raises:
            TimeoutError: all were taken for too long.
            OperationalError: the database cannot be opened.
        """
        if self._places.locked():
            # Not `wait_for`, which in Python 3.11 swallows a cancellation that comes at the moment of its result.
            async with asyncio.timeout(self._timeout_s):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            reader = self._free.pop() if self._free else InlineReader(self.engine.connect())
            try:
                reader.begin()
                yield reader
            except sqlite3.Error:
                # Of a connection that cannot even begin nothing is known.
                reader.close()
                raise
            except BaseException:
                self._give_back(reader)
                raise
            self._give_back(reader)
        finally:
            self._places.release()

    def close(self) -> None:
        """Close those that are free; the others as they come back."""
        while self._free:
            self._free.pop().close()
        self.engine.dispose()

    def _give_back(self, reader: InlineReader) -> None:
        reader.end()
        self._free.append(reader)
