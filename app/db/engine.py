"""Open the database; hand out one short transaction at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TypeVar, cast

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, NullPool

from app.db.connecting import POOL_TIMEOUT_S, open_postgresql, parse_url
from app.db.failures import translated
from app.db.inline_sqlite import InlineReaders, connect_eagerly
from app.errors import Unavailable

SQLITE_BUSY_MS = 5000
BEGIN_TIMEOUT_S = 2.5
"""Of a server that hangs: trying a connection and making another may each take its own limit, one after the other."""

ConnectionT = TypeVar("ConnectionT")

Transaction = AsyncConnection
"""One transaction, for the functions of `app.db`; services hand it on and know no more of it."""


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


class Database:
    """Reads and writes come as two kinds of transactions, because SQLite must know before it begins."""

    def __init__(self, address: str, *, pool_connections: int = 8) -> None:
        """Nothing is asked of it yet.

        Raises:
            ValueError: the address cannot be a database's; the words hold nothing of it.
        """
        url = parse_url(address)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        # SQLite's writers queue up here, and have time limits of their own.
        self._begin_timeout_s = None if self.is_sqlite else BEGIN_TIMEOUT_S
        if self.is_sqlite:
            self._readers = InlineReaders(
                _open_readers(url), connections=pool_connections, timeout_s=POOL_TIMEOUT_S + SQLITE_BUSY_MS / 1000
            )
            self._writer = _open_writer(url)
        else:
            self._writer = open_postgresql(url, pool_connections)
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ")

    @property
    def engine(self) -> AsyncEngine:
        """For migrations."""
        return self._writer

    @property
    def read_engine(self) -> Engine:
        """Whose events tell of every query that reads."""
        return self._readers.engine if self.is_sqlite else self._reader.sync_engine

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing.

        Raises:
            Unavailable: the database does not answer.
        """
        beginning = self._readers.begin() if self.is_sqlite else self._reader.begin()
        # A reader has all of a connection that the functions of `app.db` use.
        return _transaction(
            cast("AbstractAsyncContextManager[AsyncConnection]", beginning), within_s=self._begin_timeout_s
        )

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back by an exception.

        Raises:
            RowConflict: a constraint refused it, now or at the commit.
            Unavailable: the database does not answer, or stays locked.
        """
        return _transaction(self._writer.begin(), within_s=self._begin_timeout_s)

    async def check(self) -> None:
        """Ask for an answer.

        Raises:
            Unavailable: none came, or one that makes no sense.
        """
        try:
            async with self.read() as connection:
                await connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            raise Unavailable("The database does not answer. Try again in a moment.", retry_after_s=2) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        if self.is_sqlite:
            self._readers.close()


@contextlib.asynccontextmanager
async def _transaction(
    beginning: AbstractAsyncContextManager[ConnectionT], *, within_s: float | None
) -> AsyncIterator[ConnectionT]:
    with translated():
        if within_s is None:
            async with beginning as connection:
                yield connection
            return
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(within_s):
                connection = await stack.enter_async_context(beginning)
            yield connection


def _open_readers(url: URL) -> Engine:
    path = url.database or ""
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect_eagerly(path),
        json_deserializer=orjson.loads,
        poolclass=NullPool,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _open_writer(url: URL) -> AsyncEngine:
    # One connection that writes: its pool is the queue of this process's writers, so that SQLite's own polling for the
    # lock is left to writers in other processes.
    engine = create_async_engine(
        url,
        json_deserializer=orjson.loads,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S + SQLITE_BUSY_MS / 1000,
        hide_parameters=True,
        # The driver's own idea of transactions leaves SELECT outside of them, and updates get lost.
        connect_args={"isolation_level": None},
    )

    event.listen(engine.sync_engine, "connect", _prepare)

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


# busy_timeout stands first: turning on WAL may have to wait for another process that does the same.
# FULL, not NORMAL: what was answered 201 survives a power cut too; a commit costs one fsync.
_SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={SQLITE_BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
