"""From a database's URL to an engine; what cannot be connected to is refused here, before anything is tried."""

import ssl
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL_TIMEOUT_S = 3.0
CONNECT_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 10.0

# As PostgreSQL's own library names them. The last two look at the server's certificate.
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_VERIFYING = _MODES[-2:]
_OURS = ("sslmode", "ssl", "sslrootcert")
# What SQLAlchemy makes of these is right as it is: a socket's folder, servers that stand in for each other, pgbouncer.
_PASSED_ON = ("host", "port", "prepared_statement_cache_size")


def parse_url(text: str) -> URL:
    """The URL, if it can be a database's: `sqlite+aiosqlite:///file` or `postgresql+asyncpg://…`.

    Raises:
        ValueError: with words that say what is wrong, and hold nothing of the URL.
    """
    # Every error hides its cause, which quotes the URL and with it the password.
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(
            "cannot be understood; it is to be postgresql+asyncpg://user:password@host:port/name, "
            "its port a number and `/`, `@`, `:`, `?`, `#` or `%` in a password percent-encoded"
        ) from None
    if url.get_backend_name() == "sqlite":
        _check_file(url)
    else:
        _check_server(url)
    return url


def open_postgresql(url: URL, connections: int) -> AsyncEngine:
    """An engine for a server; nothing is asked of it yet.

    Raises:
        ValueError: an option of the URL cannot be used; the words hold nothing of the URL.
    """
    options = {name: _only(value) for name, value in url.query.items() if name in _OURS}
    arguments = {"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S, **_tls_arguments(options)}
    try:
        return create_async_engine(
            url.difference_update_query(_OURS),
            pool_size=connections,
            max_overflow=connections,
            pool_timeout=POOL_TIMEOUT_S,
            # A restarted server leaves dead connections in the pool; asking first costs a round trip and saves a 503.
            pool_pre_ping=True,
            # An error is logged with its statement, and the values in it are keys, names and metadata.
            hide_parameters=True,
            connect_args=arguments,
        )
    except (ArgumentError, ValueError):
        raise ValueError("has an option that cannot be understood: ports and sizes must be numbers") from None


def _check_file(url: URL) -> None:
    name = url.database or ""
    if name in {"", ":memory:"} or name.startswith("file:"):
        raise ValueError(
            "must name a file, as sqlite+aiosqlite:////srv/safelight.db: several processes share the database"
        )
    if url.query:
        raise ValueError("takes no options (`?…`) where it names an SQLite file")


def _check_server(url: URL) -> None:
    unknown = sorted(set(url.query) - {*_OURS, *_PASSED_ON})
    if unknown:
        raise ValueError(f"has the unknown option {unknown[0][:64]!r}; known are {', '.join((*_OURS, *_PASSED_ON))}")
    if url.port is not None and not 1 <= url.port <= 65_535:
        raise ValueError("its port must be a number from 1 to 65535")
    # SQLAlchemy lets a bracket that is not closed, and what is no address, pass as a name.
    host = url.host or ""
    if any(sign in host for sign in "[]@/ ") or not _can_be_looked_up(host):
        raise ValueError("its host must be a name or an address; one of IPv6 stands in brackets")


def _can_be_looked_up(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _tls_arguments(options: Mapping[str, str]) -> dict[str, Any]:  # Any: what asyncpg's `ssl` takes
    mode = options.get("sslmode") or options.get("ssl")
    if mode is None:
        if "sslrootcert" in options:
            raise ValueError("has sslrootcert without sslmode: add sslmode=verify-full")
        return {}
    if mode not in _MODES:
        raise ValueError(f"its sslmode must be one of {', '.join(_MODES)}")
    root = options.get("sslrootcert")
    # Without a file of its own asyncpg knows only one in the home of whoever runs this: the machine's are meant.
    if mode not in _VERIFYING and root is None:
        return {"ssl": mode}
    return {"ssl": _verifying(root, checks_name=mode == "verify-full")}


def _verifying(root: str | None, *, checks_name: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if root == "system" else root)
    except OSError as error:
        raise ValueError(f"its sslrootcert cannot be read: {error.strerror or 'no certificates in it'}") from None
    context.check_hostname = checks_name
    return context


def _only(value: str | tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise ValueError("has an option twice")
    return value
