"""Open the database; hand out one short transaction at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
from sqlalchemy import Connection, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from app.errors import Unavailable

SQLITE_BUSY_MS = 5000
POOL_TIMEOUT_S = 3.0
CONNECT_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 10.0
BEGIN_TIMEOUT_S = 2.5
"""Of a server that hangs: trying a connection and making another may each take its own limit, one after the other."""
# PostgreSQL's classes of what is over when tried again: connection lost, deadlock or serialization, no room, a lock
# that was not had in time, shutdown, a fault of its disk.
_PASSING_STATES = ("08", "40", "53", "55", "57", "58")

Transaction = AsyncConnection
"""One transaction, for the functions of `app.db`; services hand it on and know no more of it."""


class RowConflict(Exception):
    """A constraint refused what was written: somebody else was there first."""


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


class Database:
    """Reads and writes come as two kinds of transactions, because SQLite must know before it begins."""

    def __init__(self, url: str, *, pool_connections: int = 8) -> None:
        self.is_sqlite = url.startswith("sqlite")
        # SQLite's writers queue up here, and have time limits of their own.
        self._begin_timeout_s = None if self.is_sqlite else BEGIN_TIMEOUT_S
        if self.is_sqlite:
            self._reader = _open_sqlite(url, begin="BEGIN", connections=pool_connections)
            # One connection that writes: its pool is the queue of this process's writers, so that SQLite's own
            # polling for the lock is left to writers in other processes.
            self._writer = _open_sqlite(url, begin="BEGIN IMMEDIATE", connections=1)
        else:
            self._writer = _open_postgresql(url, pool_connections)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ")

    @property
    def engine(self) -> AsyncEngine:
        """For migrations."""
        return self._writer

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing.

        Raises:
            Unavailable: the database does not answer.
        """
        async with _transaction(self._reader, within_s=self._begin_timeout_s) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back by an exception.

        Raises:
            RowConflict: a constraint refused it, now or at the commit.
            Unavailable: the database does not answer, or stays locked.
        """
        async with _transaction(self._writer, within_s=self._begin_timeout_s) as connection:
            yield connection

    async def check(self) -> None:
        """Ask for an answer.

        Raises:
            Unavailable: none came.
        """
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        if self.is_sqlite:
            await self._reader.dispose()


@contextlib.asynccontextmanager
async def _transaction(engine: AsyncEngine, *, within_s: float | None) -> AsyncIterator[AsyncConnection]:
    try:
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(within_s):
                connection = await stack.enter_async_context(engine.begin())
            yield connection
    except (OperationalError, InterfaceError, PoolTimeoutError, asyncpg.PostgresError, OSError) as error:
        raise Unavailable("The database does not answer. Try again in a moment.", retry_after_s=2) from error
    except IntegrityError as error:
        raise RowConflict from error
    except DBAPIError as error:
        if not (error.connection_invalidated or _is_passing(error)):
            raise
        raise Unavailable("The database went away. Try again in a moment.", retry_after_s=2) from error


def _is_passing(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_PASSING_STATES)


def _open_postgresql(url: str, connections: int) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=POOL_TIMEOUT_S,
        # A restarted server leaves dead connections in the pool; asking first costs a round trip and saves a 503.
        pool_pre_ping=True,
        connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S},
    )


def _open_sqlite(url: str, *, begin: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S + SQLITE_BUSY_MS / 1000,
        # The driver's own idea of transactions leaves SELECT outside of them, and updates get lost.
        connect_args={"isolation_level": None},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


# busy_timeout stands first: turning on WAL may have to wait for another process that does the same.
# FULL, not NORMAL: what was answered 201 survives a power cut too; a commit costs one fsync.
_SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={SQLITE_BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
