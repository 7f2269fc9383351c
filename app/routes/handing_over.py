"""Let somebody else send the bytes: nginx by `X-Accel-Redirect`, or the object store by a redirect (docs/delivery.md).

The decision stays here, request by request; so do HEAD, 304, 416 and all that is no picture.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from starlette.types import Send

from app.routes.conditional import RangeRequest, http_date
from app.routes.picture_headers import OPEN_TO_ALL, VARY, Header, Prepared, cache_control
from app.storage.port import Handed, ObjectKey


class DeliveryMode(StrEnum):
    """Who sends the bytes of pictures."""

    ACCEL = "accel"
    REDIRECT = "redirect"


# What nginx says of a picture once it has the bytes (deploy/picture_headers.conf). Under their own names it would hand
# some of these on with its errors, which caches would then keep.
_TOLD_TO_NGINX = frozenset(
    {b"cache-control", b"content-disposition", b"content-type", b"etag", b"last-modified", b"vary"}
)

# Others than our own reading of ranges and conditions would decide about these.
_ONLY_OURS = frozenset({b"if-match", b"if-unmodified-since"})
# A part that everybody reads alike. Of 20 digits nginx would make a 416 that caches keep, of a blank another part.
_PLAIN_RANGE = re.compile(r"bytes=([0-9]{1,15}-[0-9]{0,15}|-[0-9]{1,15})")

Locate = Callable[[ObjectKey, Handed], str | None]
"""Where another server finds an object: a path for nginx, an address for clients; None where it cannot."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """How bytes are handed over."""

    mode: DeliveryMode
    locate: Locate

    @property
    def is_for_all(self) -> bool:
        """Also for bytes that are few enough to be held in memory?"""
        return self.mode is DeliveryMode.REDIRECT


def may_be_handed_over(headers: Mapping[bytes, str], part: RangeRequest | None, answer: Prepared) -> bool:
    """Would whoever sends it read the request as we did? `part` is what we shall send; None is the whole."""
    if not _ONLY_OURS.isdisjoint(headers):
        return False
    asked = headers.get(b"range")
    if asked is None or part is None:
        # A range that is answered with the whole would be read again, and perhaps otherwise.
        return asked is None
    same = (None, answer.validators.etag, http_date(answer.validators.last_modified))
    return _PLAIN_RANGE.fullmatch(asked) is not None and headers.get(b"if-range") in same


async def hand_over(send: Send, handing: HandOver, answer: Prepared) -> int | None:
    """Answer with who has the bytes; the status, or None where nothing was sent and we must send them."""
    if answer.found.body is not None and not handing.is_for_all:
        return None
    place = handing.locate(answer.found.key, _handed(answer))
    if place is None:
        return None
    status, headers = _to_nginx(answer, place) if handing.mode is DeliveryMode.ACCEL else _to_store(answer, place)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})
    return status


def _handed(answer: Prepared) -> Handed:
    headers = dict(answer.shared)
    return Handed(
        content_type=answer.found.content_type,
        disposition=headers[b"content-disposition"].decode("ascii"),
        cache_control=cache_control(answer.found, answer.terms).decode("ascii"),
    )


def _to_nginx(answer: Prepared, place: str) -> tuple[int, list[Header]]:
    headers = [
        (b"x-accel-redirect", place.encode()),
        (b"content-length", b"0"),
        # Nobody may keep this empty answer. `Cache-Control: no-store`, which says so too, nginx would hand on beside
        # the picture's own.
        (b"vary", b"*"),
    ]
    told = [(b"x-picture-" + name, value) for name, value in answer.shared if name in _TOLD_TO_NGINX]
    if answer.is_dated:
        told.append((b"x-picture-cache-control", cache_control(answer.found, answer.terms)))
    return 200, [*headers, *told]


def _to_store(answer: Prepared, place: str) -> tuple[int, list[Header]]:
    headers = [
        *OPEN_TO_ALL,
        (b"location", place.encode()),
        (b"cache-control", b"no-store"),
        (b"content-length", b"0"),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"timing-allow-origin", b"*"),
    ]
    return 302, [*headers, VARY] if answer.terms.is_negotiated else headers
