"""The answers that a process gives from memory, before anything else looks at a request: a look-up and two sends.

What an answer depends on is in its key: which of our hosts, path and query as they were sent, and what of `Accept`
matters where the address names no format. Who asks does not matter, as requests with a credential never come here; of
a signed address the signature itself is compared in constant time with the one that was found good.
"""

import asyncio
import hmac
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache, partial

from starlette.types import Message, Receive, Scope, Send

from app.errors import Unavailable
from app.routes.answers import send_error
from app.routes.listening import while_heard
from app.routes.negotiation import MAX_ACCEPT_CHARACTERS, prefers_page, read_taste
from app.routes.picture_answers import PictureSender
from app.routes.picture_headers import OPEN_TO_ALL, Prepared
from app.routes.picture_requests import PictureRequest, has_credential, read_headers
from app.services.delivery.cache import TRUST_ALONE_S, TRUST_VOUCHED_S, DeliveryCache, Reading
from app.services.delivery.deliverables import MAX_KEPT_BODY_BYTES, Deliverable
from app.storage.port import ObjectKey, ObjectNotFound
from app.telemetry import DELIVERIES

# As every signed address ends that we made, and that Cloudflare's own code makes; others are checked each time.
_SIGNED_END = re.compile(rb"(?:&|^)sig=([0-9a-f]{64})\Z")
_MAX_TARGET_BYTES = 1024
"""Of path and query: longer ones are answered, and not kept."""
_METHODS = frozenset({"GET", "HEAD"})
_COUNTED_EVERY_S = 0.05
_LONGEST_WAIT_S = 0.5

ReadObject = Callable[..., Awaitable[bytes]]
IsCdnName = Callable[[str | None], bool]
"""Which of our two kinds of host does `Host` name? All names of one kind are answered alike, and any may be sent."""
Kept = tuple[Prepared, bytes]
"""An answer, and the signature with which it may be had; empty where it needs none."""


class KeptPictures:
    """Keeps answers that anyone may have who asks alike, and gives them."""

    def __init__(
        self, cache: DeliveryCache[Kept], sender: PictureSender, read_object: ReadObject, is_cdn_name: IsCdnName
    ) -> None:
        self._cache = cache
        self._is_cdn_name = is_cdn_name
        self._sender = sender
        self._read_object = read_object
        self._counts: Counter[int] = Counter()
        self._readings: dict[Hashable, asyncio.Event] = {}
        self._bodies: dict[ObjectKey, asyncio.Future[bytes]] = {}
        """Those that are being read from the store."""

    def write(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        """Status, header lines and body for whoever writes to the line itself; None where others must answer."""
        method = scope["method"]
        if method not in _METHODS:
            return None
        headers = read_headers(scope)
        kept = self._find(scope, headers, may_renew=False)
        if kept is None:
            return None
        written = self._sender.write(method, headers, kept[0])
        if written is not None:
            self._count(written[0])
        return written

    async def send(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer from memory, if that can be; False where nothing was sent."""
        method = scope["method"]
        if method not in _METHODS:
            return False
        headers = read_headers(scope)
        kept = self._find(scope, headers)
        if kept is None and await self._wait_for_other(scope, headers):
            kept = self._find(scope, headers)
        if kept is None:
            return False
        answer, place = kept
        if answer.found.body is None:
            with while_heard(receive, send) as send_on:
                return await self._send_large(send_on, method, headers, answer, place)
            return True
        self._count(await self._sender.send(send, method, headers, answer))
        return True

    def _find(
        self, scope: Scope, headers: Mapping[bytes, str], *, may_renew: bool = True
    ) -> tuple[Prepared, Hashable] | None:
        if has_credential(headers):
            return None
        query, signature = _split_signature(scope["query_string"])
        host = self._is_cdn_name(headers.get(b"host"))
        place: Hashable = (host, scope.get("raw_path") or b"", query, bool(signature))
        kept = self._cache.find(place, may_renew=may_renew)
        if kept is None:
            place = (place, _class_of(headers.get(b"accept")))
            kept = self._cache.find(place, may_renew=may_renew)
        return (kept[0], place) if kept is not None and _opens(kept, signature) else None

    async def _wait_for_other(self, scope: Scope, headers: Mapping[bytes, str]) -> bool:
        """Whether another request has just asked the rows the same: what it read is for this one too."""
        raw_path = scope.get("raw_path") or b""
        other = self._readings.get((headers.get(b"host"), raw_path, scope["query_string"], headers.get(b"accept")))
        if other is None or has_credential(headers):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await other.wait()
        return True

    @contextmanager
    def reading(self, request: PictureRequest) -> Iterator[Reading]:
        """While the database is asked; `keep` wants what is given. Others who ask the same wait a moment for it."""
        place = (request.headers.get(b"host"), request.raw_path, request.query, request.headers.get(b"accept"))
        is_first = not request.has_credential and place not in self._readings
        if is_first:
            self._readings[place] = asyncio.Event()
        try:
            with self._cache.reading() as reading:
                yield reading
        finally:
            if is_first:
                self._readings.pop(place).set()

    async def with_body(self, found: Deliverable) -> Deliverable:
        """The same with its bytes, where they are few enough and it is for us to send them.

        Raises:
            ObjectNotFound: they are not there any more.
            Unavailable: the store does not answer.
        """
        if found.byte_size > MAX_KEPT_BODY_BYTES or not self._sender.sends_bodies:
            return found
        body = self._cache.find_body(found.key)
        return replace(found, body=body if body is not None else await self._read_body(found))

    async def _read_body(self, found: Deliverable) -> bytes:
        key, sha256 = found.key, found.sha256 or None
        # Once for all who ask at the same moment, under however many addresses: or each would hold a copy.
        reading = self._bodies.get(key)
        if reading is None:
            reading = asyncio.ensure_future(self._read_object(key, max_bytes=MAX_KEPT_BODY_BYTES, sha256=sha256))
            self._bodies[key] = reading
            reading.add_done_callback(partial(self._end_reading, key))
        return await asyncio.shield(reading)

    def _end_reading(self, key: ObjectKey, reading: "asyncio.Future[bytes]") -> None:
        del self._bodies[key]
        if not reading.cancelled():
            reading.exception()  # looked at, even where everybody who waited has hung up

    def keep(self, request: PictureRequest, answer: Prepared, reading: Reading, *, is_unannounced: bool) -> None:
        """Remember what this request was answered with, if anyone may have it who asks alike.

        `is_unannounced`: it may end without a hint about this image.
        """
        target_bytes = len(request.raw_path) + len(request.query)
        if request.has_credential or target_bytes > _MAX_TARGET_BYTES or answer.terms.is_owners:
            return
        is_signed = answer.terms.signed_until_s is not None
        query, signature = _split_signature(request.query)
        if bool(signature) is not is_signed or not (answer.found.is_public or is_signed):
            return
        plain, negotiated = self._places(request, query, is_signed=is_signed)
        # Nobody announces either that a signing key is gone: such answers are believed for the shortest time only.
        trust_s = TRUST_ALONE_S if is_signed or is_unannounced else TRUST_VOUCHED_S
        place = negotiated if answer.terms.is_negotiated else plain
        self._cache.keep(place, (answer, signature), answer.found, reading, trust_s=trust_s)

    def discard(self, request: PictureRequest) -> None:
        """Forget what this request was answered with before: it is refused now."""
        query, signature = _split_signature(request.query)
        for place in self._places(request, query, is_signed=bool(signature)):
            self._cache.discard(place)

    def _places(self, request: PictureRequest, query: bytes, *, is_signed: bool) -> tuple[Hashable, Hashable]:
        """Where an answer is kept: one for all, and one for all who accept alike."""
        plain = (self._is_cdn_name(request.headers.get(b"host")), request.raw_path, query, is_signed)
        return plain, (plain, _class_of(request.headers.get(b"accept")))

    async def _send_large(
        self, send: Send, method: str, headers: Mapping[bytes, str], answer: Prepared, place: Hashable
    ) -> bool:
        is_started = False

        async def sending(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            self._count(await self._sender.send(sending, method, headers, answer))
        except ObjectNotFound:
            if is_started:
                raise
            # Made anew meanwhile: by now the row names another object.
            self._cache.discard(place)
            return False
        except Unavailable as error:
            if is_started:
                raise
            await send_error(send, error, OPEN_TO_ALL, has_body=method != "HEAD")
            DELIVERIES.labels(status=str(error.status), cache="hit").inc()
        return True

    def _count(self, status: int) -> None:
        # Prometheus' own counters take a lock and a write to a file: once for many, not for each.
        if not self._counts:
            asyncio.get_running_loop().call_later(_COUNTED_EVERY_S, self._tell_counts)
        self._counts[status] += 1

    def _tell_counts(self) -> None:
        counts, self._counts = self._counts, Counter()
        for status, count in counts.items():
            DELIVERIES.labels(status=str(status), cache="hit").inc(count)


def _split_signature(query: bytes) -> tuple[bytes, bytes]:
    """The query without a signature at its end, and that signature; the query as it is where it has none."""
    found = _SIGNED_END.search(query) if query else None
    return (query[: found.start()], found[1]) if found is not None else (query, b"")


def _opens(kept: Kept, signature: bytes) -> bool:
    answer, good_signature = kept
    until_s = answer.terms.signed_until_s
    if until_s is None:
        return not signature
    return hmac.compare_digest(good_signature, signature) and time.time() <= until_s


def _class_of(accept: str | None) -> str:
    """Equal for headers `Accept` that every address answers alike."""
    # What is too long to be read is not remembered either.
    return _short_class_of(accept) if accept is None or len(accept) <= MAX_ACCEPT_CHARACTERS else _write_class(accept)


@lru_cache(maxsize=1_024)
def _short_class_of(accept: str | None) -> str:
    return _write_class(accept)


def _write_class(accept: str | None) -> str:
    return f"{read_taste(accept).name}{'+page' if prefers_page(accept) else ''}"
