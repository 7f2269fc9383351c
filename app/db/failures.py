"""What an error of a database's driver means: to a caller, and to the operator whose setting may be wrong."""

import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import Unavailable
from app.foreign_errors import report_foreign_error

# PostgreSQL's classes of what is over when tried again: connection lost, deadlock or serialization, no room, a lock
# that was not had in time, shutdown, a fault of its disk.
_PASSING_STATES = ("08", "40", "53", "55", "57", "58")
# And of what an operator must mend, at the start or while we run: who logs in, what is logged in to, what is allowed.
_ADVICE_BY_STATE = {
    "28": "PostgreSQL does not let this user in: check the name, the password and, if it wants TLS, sslmode.",
    "3D": "PostgreSQL has no database of this name: create it, or correct the name.",
    "42501": "PostgreSQL does not allow this user enough: make it the owner of the database.",
}
_ADVICE_BY_SQLITE_CODE = {
    sqlite3.SQLITE_NOTADB: "The file is no SQLite database: name another one.",
    sqlite3.SQLITE_CORRUPT: "The file is a broken SQLite database: restore it from a backup.",
    sqlite3.SQLITE_CANTOPEN: "The file cannot be opened: check its folder, and who may read and write it.",
    sqlite3.SQLITE_READONLY: "The file cannot be written to: check who may write it and its folder.",
}
_TLS_ADVICE = "No connection with the TLS that was asked for: check sslmode, and sslrootcert."


class RowConflict(Exception):
    """A constraint refused what was written: somebody else was there first."""


class DatabaseRefused(Unavailable):
    """The database is there and cannot be used as the setting says; callers are told no more than of any fault."""

    def __init__(self, advice: str) -> None:
        super().__init__("The database does not answer. Try again in a moment.", retry_after_s=2)
        self.advice = advice
        """What the operator should do, in one line."""


@contextmanager
def translated() -> Iterator[None]:
    """Give the driver's errors as ours.

    Raises:
        RowConflict: a constraint refused what was written.
        DatabaseRefused: an operator must look.
        Unavailable: it does not answer, or went away.
    """
    try:
        yield
    except IntegrityError as error:
        raise RowConflict from error
    except (
        DBAPIError,
        PoolTimeoutError,
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
    ) as error:
        unavailable = _unavailable(error)
        if unavailable is None:
            raise
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        report_foreign_error("database", operation="query", code=_code_of(cause), error=cause)
        raise unavailable from error


def _unavailable(error: Exception) -> Unavailable | None:
    advice = _advice_for(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    if advice is not None:
        return DatabaseRefused(advice)
    if isinstance(error, DBAPIError) and not isinstance(error, OperationalError | InterfaceError):
        if not (error.connection_invalidated or _state_of(error.orig).startswith(_PASSING_STATES)):
            return None
        return Unavailable("The database went away. Try again in a moment.", retry_after_s=2)
    return Unavailable("The database does not answer. Try again in a moment.", retry_after_s=2)


def _advice_for(error: BaseException) -> str | None:
    if isinstance(error, sqlite3.Error):
        # The lowest byte is the kind, those above tell its cases apart.
        return _ADVICE_BY_SQLITE_CODE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    # asyncpg says by a plain ConnectionError that the server speaks no TLS.
    if isinstance(error, ssl.SSLError) or type(error) is ConnectionError:
        return _TLS_ADVICE
    state = _state_of(error)
    return next((advice for start, advice in _ADVICE_BY_STATE.items() if state.startswith(start)), None)


def _code_of(error: BaseException) -> str:
    """The driver's own: a SQLSTATE, SQLite's name of an error, or the class."""
    named = getattr(error, "sqlite_errorname", None)
    return _state_of(error) or (named if isinstance(named, str) else type(error).__name__)


def _state_of(error: BaseException | None) -> str:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""
