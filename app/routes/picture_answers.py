"""What is sent for a picture: 200, 206, 304, 416, or word to another server to send it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from starlette.types import Send

from app.ids import ImageId
from app.routes.conditional import RangeRequest, UnsatisfiableRange, is_not_modified, read_range
from app.routes.handing_over import HandOver, hand_over, may_be_handed_over
from app.routes.picture_headers import ALWAYS, NOT_KEPT, OPEN_TO_ALL, Header, Prepared, cache_control, write_lines
from app.storage.port import ObjectKey


class OpenObject(Protocol):
    """As a store opens its objects."""

    def __call__(
        self, key: ObjectKey, byte_range: tuple[int, int] | None = None, *, sha256: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of an object, or of a part of it."""
        ...


NoteView = Callable[[ImageId], None]
"""Counts one look at an image; it costs next to nothing."""


class PictureSender:
    """Sends prepared answers, from memory, from the store, or by handing them over to another server."""

    def __init__(self, open_object: OpenObject, handing: HandOver | None = None, *, note_view: NoteView) -> None:
        self._open_object = open_object
        self._handing = handing
        self._note_view = note_view

    @property
    def sends_bodies(self) -> bool:
        """Is it worth while to hold small bodies in memory?"""
        return self._handing is None or not self._handing.is_for_all

    async def send(self, send: Send, method: str, headers: Mapping[bytes, str], answer: Prepared) -> int:
        """Answer, and say with which status. Whatever fails before the first message is raised with nothing sent.

        Raises:
            ObjectNotFound: the store has no such object.
            Unavailable: the store does not answer.
        """
        decision = decide(method, headers, answer)
        head = headers_of(decision, answer)
        if not decision.has_body:
            await _send_empty(send, decision.status, head)
            return decision.status
        if self._handing is not None and may_be_handed_over(headers, decision.part, answer):
            handed = await hand_over(send, self._handing, answer)
            if handed is not None:
                self._count_view(answer, decision.part)
                return handed
        await self._send_bytes(send, decision.status, head, answer, decision.part)
        self._count_view(answer, decision.part)
        return decision.status

    def write(self, method: str, headers: Mapping[bytes, str], answer: Prepared) -> tuple[int, bytes, bytes] | None:
        """The same for whoever writes to the line itself: status, header lines and body; None where that cannot be."""
        decision = decide(method, headers, answer)
        body = b""
        if decision.has_body:
            if answer.found.body is None or not self.sends_bodies:
                return None
            part = decision.part
            body = answer.found.body if part is None else answer.found.body[part.first : part.last + 1]
            self._count_view(answer, part)
        return decision.status, _lines_of(decision, answer), body

    def _count_view(self, answer: Prepared, part: RangeRequest | None) -> None:
        # Who reads in parts looks once: at the first.
        if (part is None or part.first == 0) and not answer.terms.is_seen_by_owner:
            self._note_view(answer.found.image_id)

    async def _send_bytes(
        self, send: Send, status: int, head: Sequence[Header], answer: Prepared, part: RangeRequest | None
    ) -> None:
        start = {"type": "http.response.start", "status": status, "headers": head}
        body = answer.found.body
        if body is not None:
            await send(start)
            content = body if part is None else body[part.first : part.last + 1]
            await send({"type": "http.response.body", "body": content})
            return
        found, wanted = answer.found, None if part is None else (part.first, part.last)
        async with self._open_object(found.key, wanted, sha256=found.sha256 or None) as chunks:
            # The store has answered: from here on a failure can only break the connection off.
            await send(start)
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})


class Decision(NamedTuple):
    """Which of its answers a prepared picture gives."""

    status: int
    part: RangeRequest | None = None
    has_body: bool = False


def decide(method: str, headers: Mapping[bytes, str], answer: Prepared) -> Decision:
    """What RFC 9110 wants: 304 before everything, then 416, 206 or 200."""
    if _is_known(headers, answer):
        return Decision(304)
    try:
        part = _wanted_part(method, headers, answer)
    except UnsatisfiableRange:
        return Decision(416)
    return Decision(200 if part is None else 206, part, method != "HEAD" and answer.found.byte_size > 0)


def headers_of(decision: Decision, answer: Prepared) -> Sequence[Header]:
    """The headers of an answer."""
    if decision.status == 416:
        size = (b"content-range", f"bytes */{answer.found.byte_size}".encode())
        return (*ALWAYS, NOT_KEPT, size, (b"content-length", b"0"))
    if decision.status == 304:
        return _dated(answer, answer.unchanged)
    if decision.part is None:
        return _dated(answer, answer.whole)
    return _dated(answer, (*answer.shared, *_of_part(decision.part, answer.found.byte_size)))


def _lines_of(decision: Decision, answer: Prepared) -> bytes:
    if answer.is_dated or decision.status in {206, 416}:
        return write_lines(headers_of(decision, answer))
    return answer.whole_lines if decision.status == 200 else answer.unchanged_lines


def _is_known(headers: Mapping[bytes, str], answer: Prepared) -> bool:
    if_none_match = headers.get(b"if-none-match")
    if if_none_match is None and b"if-modified-since" not in headers:
        return False
    # What nearly every client sends: the tag as it was given.
    return if_none_match == answer.validators.etag or is_not_modified(
        answer.validators, if_none_match=if_none_match, if_modified_since=headers.get(b"if-modified-since")
    )


def _wanted_part(method: str, headers: Mapping[bytes, str], answer: Prepared) -> RangeRequest | None:
    if b"range" not in headers or method != "GET":
        return None
    return read_range(
        headers[b"range"],
        if_range=headers.get(b"if-range"),
        validators=answer.validators,
        byte_size=answer.found.byte_size,
    )


def _of_part(part: RangeRequest, byte_size: int) -> tuple[Header, Header]:
    return (
        (b"content-range", f"bytes {part.first}-{part.last}/{byte_size}".encode()),
        (b"content-length", str(part.last - part.first + 1).encode()),
    )


def _dated(answer: Prepared, headers: Sequence[Header]) -> Sequence[Header]:
    if not answer.is_dated:
        return headers
    return [*headers, (b"cache-control", cache_control(answer.found, answer.terms))]


async def _send_empty(send: Send, status: int, headers: Sequence[Header]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})


async def send_preflight(send: Send) -> None:
    """Answer OPTIONS: any page may read pictures."""
    headers = [
        *OPEN_TO_ALL,
        (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
        (b"access-control-allow-headers", b"Authorization, X-API-Key, Range, If-None-Match, If-Range"),
        (b"access-control-max-age", b"86400"),
    ]
    await _send_empty(send, 204, headers)
