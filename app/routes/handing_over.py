"""Let somebody else send the bytes: nginx by `X-Accel-Redirect`, or the object store by a redirect (docs/delivery.md).

The decision stays here, request by request; so do HEAD, 304, 416 and all that is no picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.types import Send

from app.routes.picture_headers import OPEN_TO_ALL, VARY, Header, Prepared, cache_control
from app.storage.port import Handed, ObjectKey


class DeliveryMode(StrEnum):
    """Who sends the bytes of pictures."""

    ACCEL = "accel"
    REDIRECT = "redirect"


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
    # nginx makes 206 of it by itself and says so; it keeps the headers that deploy/nginx.conf names.
    kept = [header for header in answer.shared if header[0] != b"accept-ranges"]
    headers = [*kept, (b"x-accel-redirect", place.encode()), (b"content-length", b"0")]
    if answer.is_dated:
        headers.append((b"cache-control", cache_control(answer.found, answer.terms)))
    return 200, headers


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
