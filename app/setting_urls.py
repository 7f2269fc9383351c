"""What is said of settings that are addresses. Nothing that is said quotes them: they may hold passwords."""

import re
import socket
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

# What both clients of Redis, ours and the queue's, understand behind `?`.
_REDIS_OPTIONS = {
    "redis": ("db",),
    "rediss": ("db", "ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"),
    "unix": ("db", "username", "password"),
}


def check_host(host: str) -> str:
    """A name or an address, to be looked up or listened on.

    Raises:
        ValueError: it can be none; Python would say so when it is looked up, and not as of a name that is not known.
    """
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("the host must be a name or an address") from None
    return host


def check_web_address(url: str | None) -> str | None:
    """An address that others are built on, without a slash at its end.

    Raises:
        ValueError: it is none, its port is none, or it has a query.
    """
    if url is None:
        return None
    parts = _split(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http:// or https:// address without query, such as https://img.example.org")
    return url.rstrip("/")


def default_base_url(host: str, port: int) -> str:
    """Build the address of a server that listens on `host`: by the machine's name where that is every address."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://{socket.gethostname()}:{port}"
    # In a URL the zone of a link-local address follows a percent sign that is itself encoded (RFC 6874).
    name = f"[{host.replace('%', '%25')}]" if isinstance(address, IPv6Address) else host
    return f"http://{name}:{port}"


def check_database_url(url: str | None) -> str | None:
    """The beginning alone; the rest is checked where it is understood, in `app.db.connecting`.

    Raises:
        ValueError: it is another one.
    """
    if url is not None and not url.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
        raise ValueError("must begin with postgresql+asyncpg:// or sqlite+aiosqlite:///")
    return url


def check_store_url(url: str | None) -> str | None:
    """The beginning alone; the rest is checked where it is understood, in `app.storage.opening`.

    Raises:
        ValueError: it is another one.
    """
    if url is not None and not url.startswith(("file:///", "s3://")):
        raise ValueError("must begin with file:/// or s3://")
    return url


def check_redis_url(url: str | None) -> str | None:
    """Where Redis is: `redis://user:password@host:port/0`, `rediss://` for TLS, or `unix:///path?db=0`.

    Raises:
        ValueError: it cannot be understood, or has an option that is not known.
    """
    if url is None:
        return None
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    parts = _split(url)
    if parts.scheme == "unix":
        if parts.hostname or not parts.path.strip("/"):
            raise ValueError("must be unix:// and the absolute path of a socket, such as unix:///run/redis/redis.sock")
    elif not re.fullmatch(r"/?[0-9]{0,5}", unquote(parts.path), re.ASCII):
        raise ValueError("must end with the number of a database, such as redis://host:6379/0")
    _check_redis_options(parts)
    return url


def check_origins(texts: list[str]) -> list[str]:
    """Origins of pages, or `*` for all, without slashes at their ends.

    Raises:
        ValueError: with the one that is none.
    """
    for text in texts:
        if text != "*" and not _is_origin(text):
            raise ValueError(f"{text[:64]!r} is no origin, such as https://app.example.org")
    return [text.rstrip("/") for text in texts]


def _is_origin(text: str) -> bool:
    try:
        parts = _split(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and text.rstrip("/").endswith(f"://{parts.netloc}")


def _split(url: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise ValueError("must be an address without spaces")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("cannot be understood: an address of IPv6 stands in brackets, as [::1]") from None
    try:
        is_port = parts.port != 0
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError("its port must be a number from 1 to 65535")
    check_host(parts.hostname or "")
    return parts


def _check_redis_options(parts: SplitResult) -> None:
    allowed = _REDIS_OPTIONS[parts.scheme]
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in allowed:
            raise ValueError(f"has the unknown option {name[:64]!r}; known are {', '.join(allowed)}")
        if name == "db" and not re.fullmatch(r"[0-9]{1,5}", value, re.ASCII):
            raise ValueError("its option `db` must be the number of a database")
        if name == "ssl_cert_reqs" and value not in {"none", "optional", "required"}:
            raise ValueError("its option `ssl_cert_reqs` must be none, optional or required")
