"""Fetch one file over HTTP(S) from the public internet: few redirects, little time, no cookies, no proxies."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import httpcore

from app.errors import FetchFailed, FileTooLarge
from app.fetching.addresses import is_public
from app.fetching.connecting import CheckedNetwork
from app.fetching.urls import FetchTarget, UrlRules, follow, parse_url

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_TIMEOUT_S = 10.0
"""Of each step; whoever fetches limits the whole."""


class FetchPassed(FetchFailed):
    """A fetch failed of a fault that may pass: the same URL may go through in a moment."""


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """An answer whose body is about to come."""

    chunks: AsyncIterator[bytes]
    """Raises what `Fetcher.open` raises."""
    announced_bytes: int | None
    filename: str | None
    """What the last URL calls it."""


@dataclass(frozen=True, slots=True)
class FetchRules:
    """Where imports may go. The default is the only one outside of tests: no setting changes it."""

    is_allowed: Callable[[str], bool] = is_public
    """Judges each IP address that is about to be connected to."""
    urls: UrlRules = field(default_factory=UrlRules)


class Fetcher:
    """Opens URLs that strangers chose."""

    def __init__(self, rules: FetchRules | None = None) -> None:
        self._rules = rules or FetchRules()
        self._tls: ssl.SSLContext | None = None

    def check(self, url: str) -> None:
        """Return if this might be fetched; nothing is looked up.

        Raises:
            UrlNotAllowed: it never is.
        """
        parse_url(url, self._rules.urls)

    @contextlib.asynccontextmanager
    async def open(self, url: str, *, max_bytes: int) -> AsyncIterator[FetchedFile]:
        """The file behind a URL, until the context is left. Takes no longer than whoever calls it allows.

        Raises:
            UrlNotAllowed: the URL, or one that it leads to, is none of the public internet; nothing was connected to.
            FileTooLarge: more than `max_bytes` are announced. They are not counted here.
            FetchPassed: the host cannot be reached or has a fault, which may pass.
            FetchFailed: it has no such file, or leads around in circles.
        """
        target = parse_url(url, self._rules.urls)
        network = CheckedNetwork(self._rules.is_allowed)
        self._tls = self._tls or httpcore.default_ssl_context()
        # A pool for each fetch: no connection is ever shared with another's.
        async with httpcore.AsyncConnectionPool(self._tls, network_backend=network, max_connections=1) as pool:
            for _ in range(1 + MAX_REDIRECTS):
                async with _get(pool, target) as answer:
                    location = _location_of(answer)
                    if location is None:
                        yield _file_of(answer, target, max_bytes)
                        return
                target = follow(target, location, self._rules.urls)
        raise FetchFailed(f"The URL leads on more than {MAX_REDIRECTS} times.")


@contextlib.asynccontextmanager
async def _get(pool: httpcore.AsyncConnectionPool, target: FetchTarget) -> AsyncIterator[httpcore.Response]:
    host = f"[{target.host}]" if ":" in target.host else target.host
    url = httpcore.URL(scheme=target.scheme, host=host, port=target.port, target=target.path)
    headers: Mapping[bytes | str, bytes | str] = {
        "Host": target.authority,
        "User-Agent": "Safelight",
        "Accept": "image/*",
        # Whatever is compressed on the way could grow without end here.
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    limits = dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT_S)
    with _translated():
        async with pool.stream("GET", url, headers=headers, extensions={"timeout": limits}) as answer:
            yield answer


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpcore.UnsupportedProtocol as error:
        raise FetchFailed("The URL's host speaks no HTTP that is understood.") from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        # What a host that cannot be reached said stays here: it tells of the network between us.
        raise FetchPassed("The URL's host cannot be reached, or broke off.") from error


async def _chunks(answer: httpcore.Response) -> AsyncIterator[bytes]:
    with _translated():
        async for chunk in answer.aiter_stream():
            yield chunk


def _header(answer: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("utf-8", "replace") for key, value in answer.headers if key.lower() == name), None)


def _location_of(answer: httpcore.Response) -> str | None:
    if answer.status not in _REDIRECTS:
        return None
    location = _header(answer, b"location")
    if location is None:
        raise FetchFailed("The URL leads on, and does not say where.")
    return location


def _file_of(answer: httpcore.Response, target: FetchTarget, max_bytes: int) -> FetchedFile:
    if answer.status in _PASSING_STATUSES:
        raise FetchPassed(f"The URL's host answered with the status {answer.status}.")
    if answer.status != 200:
        raise FetchFailed(f"The URL's host answered with the status {answer.status}.")
    if (_header(answer, b"content-encoding") or "identity").lower() != "identity":
        raise FetchFailed("The URL's host sent the file compressed, which was not asked for.")
    length = _header(answer, b"content-length")
    announced_bytes = int(length) if length is not None and length.isdecimal() and len(length) <= 18 else None
    if announced_bytes is not None and announced_bytes > max_bytes:
        limit = {"maxBytes": max_bytes}
        raise FileTooLarge(f"The file has more than the {max_bytes} bytes of its session.", details=limit)
    return FetchedFile(_chunks(answer), announced_bytes, target.filename)
