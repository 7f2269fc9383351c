"""What is sent for a picture: 200, 206, 304, 416, with the headers of docs/delivery.md."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.types import Scope, Send

from app.routes.conditional import (
    RangeRequest,
    UnsatisfiableRange,
    Validators,
    http_date,
    is_not_modified,
    read_range,
)
from app.services.delivery import Deliverable
from app.storage.port import ObjectKey

OpenObject = Callable[[ObjectKey, tuple[int, int] | None], AbstractAsyncContextManager[AsyncIterator[bytes]]]

OPEN_TO_ALL: tuple[tuple[bytes, bytes], ...] = ((b"access-control-allow-origin", b"*"),)
_ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"accept-ranges", b"bytes"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"timing-allow-origin", b"*"),
    *OPEN_TO_ALL,
)
_IMMUTABLE = b"public, max-age=31536000, immutable"
_VERSION_CHARACTERS = 16

_WANTED_HEADERS = {
    b"if-none-match",
    b"if-modified-since",
    b"if-range",
    b"range",
    b"authorization",
    b"x-api-key",
}


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """What a request for a picture says, as far as it matters."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, str] = field(default_factory=dict)

    @staticmethod
    def of(scope: Scope) -> "PictureRequest":
        """Read an ASGI scope."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _WANTED_HEADERS}
        return PictureRequest(scope["method"], scope["path"], scope["query_string"], headers)

    @property
    def has_credential(self) -> bool:
        """Does somebody in particular ask?"""
        return b"authorization" in self.headers or b"x-api-key" in self.headers


@dataclass(frozen=True, slots=True)
class Terms:
    """How a picture is to be sent to this caller."""

    is_owners: bool = False
    """Asked for with the owner's credential, and private."""
    is_versioned: bool = False
    """Asked for with `?v=` of just these bytes."""
    is_download: bool = False


async def send_picture(
    send: Send, request: PictureRequest, found: Deliverable, open_object: OpenObject, terms: Terms
) -> int:
    """Answer, and say with which status."""
    validators = Validators(f'"{found.sha256[:32]}"', found.changed_at)
    headers = [*_ALWAYS, *_describe(found, validators, terms)]
    if _is_known(request, validators):
        await _send_empty(send, 304, [header for header in headers if header[0] not in _ENTITY_HEADERS])
        return 304
    try:
        part = _wanted_part(request, found, validators)
    except UnsatisfiableRange:
        size = (b"content-range", f"bytes */{found.byte_size}".encode())
        await _send_empty(send, 416, [*_ALWAYS, size, (b"content-length", b"0")])
        return 416
    return await _send_part(send, request, found, open_object, part, headers)


_ENTITY_HEADERS = {b"content-type", b"content-disposition"}


def _is_known(request: PictureRequest, validators: Validators) -> bool:
    if not request.headers:
        return False
    return is_not_modified(
        validators,
        if_none_match=request.headers.get(b"if-none-match"),
        if_modified_since=request.headers.get(b"if-modified-since"),
    )


def _wanted_part(request: PictureRequest, found: Deliverable, validators: Validators) -> RangeRequest | None:
    if b"range" not in request.headers or request.method != "GET":
        return None
    return read_range(
        request.headers[b"range"],
        if_range=request.headers.get(b"if-range"),
        validators=validators,
        byte_size=found.byte_size,
    )


async def _send_part(
    send: Send,
    request: PictureRequest,
    found: Deliverable,
    open_object: OpenObject,
    part: RangeRequest | None,
    headers: list[tuple[bytes, bytes]],
) -> int:
    status, length = 200, found.byte_size
    if part is not None:
        status, length = 206, part.last - part.first + 1
        headers.append((b"content-range", f"bytes {part.first}-{part.last}/{found.byte_size}".encode()))
    headers.append((b"content-length", str(length).encode()))
    start = {"type": "http.response.start", "status": status, "headers": headers}
    if request.method == "HEAD" or length == 0:
        await send(start)
        await send({"type": "http.response.body"})
    elif found.body is not None:
        await send(start)
        body = found.body if part is None else found.body[part.first : part.last + 1]
        await send({"type": "http.response.body", "body": body})
    else:
        await _stream(send, start, found, open_object, part)
    return status


async def _stream(
    send: Send, start: dict[str, object], found: Deliverable, open_object: OpenObject, part: RangeRequest | None
) -> None:
    async with open_object(found.key, None if part is None else (part.first, part.last)) as chunks:
        # The store has answered: from here on a failure can only break the connection off.
        await send(start)
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


async def _send_empty(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body"})


def _describe(found: Deliverable, validators: Validators, terms: Terms) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", found.content_type.encode()),
        (b"etag", validators.etag.encode()),
        (b"last-modified", http_date(validators.last_modified).encode()),
        (b"cache-control", _cache_control(found, terms)),
        (b"content-disposition", _disposition(found.filename, is_download=terms.is_download)),
    ]


def _cache_control(found: Deliverable, terms: Terms) -> bytes:
    if terms.is_owners or not found.is_public:
        return b"private, no-store"
    if terms.is_versioned:
        return _IMMUTABLE
    return f"public, max-age={found.browser_ttl_s}, stale-while-revalidate=7200".encode()


def _disposition(filename: str, *, is_download: bool) -> bytes:
    # RFC 6266 and RFC 8187: the name in UTF-8, percent-encoded but for `attr-char`.
    kind = "attachment" if is_download else "inline"
    return f"{kind}; filename*=UTF-8''{quote(filename, safe='!#$&+-.^_`|~')}".encode()


def is_version_of(found: Deliverable, version: str | None) -> bool:
    """Does `?v=` name just these bytes?"""
    return version is not None and version == found.sha256[:_VERSION_CHARACTERS]


async def send_preflight(send: Send) -> None:
    """Answer OPTIONS: any page may read pictures."""
    headers = [
        *OPEN_TO_ALL,
        (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
        (b"access-control-allow-headers", b"Authorization, X-API-Key, Range, If-None-Match, If-Range"),
        (b"access-control-max-age", b"86400"),
    ]
    await _send_empty(send, 204, headers)
