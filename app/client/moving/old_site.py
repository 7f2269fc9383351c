"""The old system over HTTP: JSON and files, within bounds, however it behaves."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from app.client.moving.codes import MovingCode
from app.client.moving.persisting import persist
from app.client.moving.refusals import check_status, out_of_reach
from app.client.moving.temporary import TemporaryFile
from app.client.problems import Problem

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MAX_JSON_BYTES = 16 * 1024 * 1024
MAX_REDIRECTS = 5
# As the server's own uploads: whoever is slower than this on the average holds a place that others could use.
SLOWEST_BYTES_PER_S = 1_024
SLOW_AFTER_S = 30.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Safelight-import"}

Query = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class OldAddress:
    """Where the old system is, and which hosts are its own beside that."""

    root: str
    """Without a slash at the end."""
    credentials: Mapping[str, str]
    file_hosts: frozenset[str] = frozenset()
    """Lower case, with a port where it is not the usual one."""

    def check(self, url: str) -> str:
        """The URL, where the operator has named its host.

        Raises:
            Problem: FOREIGN_HOST. An answer must not be able to send this program anywhere else, nor the key with it.
        """
        parts, root = _split(url), urlsplit(self.root)
        is_own = parts.netloc.lower() in {root.netloc.lower(), *self.file_hosts}
        is_safe = parts.scheme == "https" or (parts.scheme, root.scheme) == ("http", "http")
        if is_own and is_safe:
            return url
        if parts.scheme in {"http", "https"} and is_safe:
            message = f"Its file is at {parts.netloc}. If that is the old system's, say --file-host {parts.netloc}."
        else:
            message = f"Its file has an address that is not followed: {parts.scheme}://{parts.netloc}."
        raise Problem(MovingCode.FOREIGN_HOST, message)


class OldSite:
    """Asks the old system, and asks again where that may help."""

    def __init__(self, http: httpx.AsyncClient, address: OldAddress, on_problem: Callable[[Problem], None]) -> None:
        self._http = http
        self.address = address
        self._on_problem = on_problem
        self._has_answered = False

    async def read(self, path: str, query: Query | None = None) -> object:
        """The JSON at a path below the root. Whoever has never answered is not waited for.

        Raises:
            Problem: OLD_UNAUTHORIZED, OLD_NOT_FOUND, NOT_THIS_SYSTEM, or nobody answers for too long.
        """
        return await persist(partial(self._read, path, query or {}), self._on_problem)

    async def fetch(self, url: str, target: TemporaryFile, *, max_bytes: int) -> None:
        """A file, with the key.

        Raises:
            Problem: it is not there, too large, too slow, or elsewhere.
        """
        await persist(partial(self._fetch, url, target, max_bytes), self._on_problem)

    async def is_public(self, url: str) -> bool:
        """Is a file sent to somebody without a key?"""
        return await persist(partial(self._is_public, url), self._on_problem)

    async def _read(self, path: str, query: Query) -> object:
        content = await self._read_bytes(f"{self.address.root}{path}", query)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            message = f"What answers at {self.address.root} does not speak this system's API: no JSON."
            raise Problem(MovingCode.NOT_THIS_SYSTEM, message) from error

    async def _read_bytes(self, url: str, query: Query) -> bytes:
        headers = _HEADERS | dict(self.address.credentials)
        try:
            async with self._http.stream("GET", url, params=query, headers=headers) as response:
                check_status(response, what=url)
                content = await _read_all(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._judge(out_of_reach(self.address.root)) from error
        except Problem as problem:
            raise self._judge(problem) from problem.__cause__
        self._has_answered = True
        return content

    def _judge(self, problem: Problem) -> Problem:
        # Nobody is waited for who was never there.
        if problem.code == MovingCode.OLD_UNREACHABLE:
            problem.is_passing = self._has_answered
        return problem

    async def _fetch(self, url: str, target: TemporaryFile, max_bytes: int) -> None:
        target.clear()
        started_at = time.monotonic()
        async with self._open(url, self.address.credentials) as response:
            check_status(response, what="the file", is_file=True)
            if int(response.headers.get("content-length", "0")) > max_bytes:
                raise _too_large(max_bytes)
            async for chunk in response.aiter_raw():
                await target.write(chunk)
                if target.byte_size > max_bytes:
                    raise _too_large(max_bytes)
                lasted_s = time.monotonic() - started_at
                if lasted_s > SLOW_AFTER_S and target.byte_size < SLOWEST_BYTES_PER_S * lasted_s:
                    raise Problem(MovingCode.OLD_FILE_TOO_SLOW, "The old system sends the file too slowly.")
        if not target.byte_size:
            raise Problem(MovingCode.OLD_FILE_EMPTY, "The old system sends an empty file.")

    async def _is_public(self, url: str) -> bool:
        async with self._open(url, {}) as response:
            if response.status_code in {401, 403, 404}:
                return False
            check_status(response, what="the file", is_file=True)
            return True

    @asynccontextmanager
    async def _open(self, url: str, credentials: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        try:
            for _ in range(MAX_REDIRECTS + 1):
                headers = _HEADERS | dict(credentials)
                async with self._http.stream("GET", self.address.check(url), headers=headers) as response:
                    if response.status_code not in _REDIRECTS or "location" not in response.headers:
                        yield response
                        return
                    url = urljoin(url, response.headers["location"])
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise out_of_reach(self.address.root) from error
        except httpx.HTTPError as error:
            # This file's own misfortune, unless the others tell otherwise.
            message = "The old system broke off while it sent the file."
            raise Problem(MovingCode.OLD_FILE_REFUSED, message, is_passing=True) from error
        except (httpx.InvalidURL, ValueError) as error:
            raise Problem(MovingCode.OLD_FILE_REFUSED, "The file's address is none.") from error
        raise Problem(MovingCode.OLD_FILE_REFUSED, "The file's address leads on too often.")


async def check_location(response: httpx.Response) -> None:
    """Refuse an answer that leads to no address at all: httpx would take it for a broken connection, to be tried again.

    Raises:
        Problem: OLD_FILE_REFUSED.
    """
    try:
        httpx.URL(response.headers.get("location", ""))
    except httpx.InvalidURL as error:
        raise Problem(MovingCode.OLD_FILE_REFUSED, "The file's address leads on to none.") from error


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise Problem(MovingCode.OLD_FILE_REFUSED, "The file's address is none.") from error


async def _read_all(response: httpx.Response) -> bytes:
    content, started_at = bytearray(), time.monotonic()
    async for chunk in response.aiter_raw():
        content += chunk
        lasted_s = time.monotonic() - started_at
        if len(content) > MAX_JSON_BYTES or (lasted_s > SLOW_AFTER_S and len(content) < SLOWEST_BYTES_PER_S * lasted_s):
            raise Problem(MovingCode.NOT_THIS_SYSTEM, "The old system's answer has no end.")
    return bytes(content)


def _too_large(max_bytes: int) -> Problem:
    message = f"The file has more than the {max_bytes:,} bytes that the new account may upload."
    return Problem(MovingCode.OLD_FILE_TOO_LARGE, message)
