"""The headers of a picture, made once for each object and each way of asking for it; docs/delivery.md lists them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from app.routes.conditional import Validators, http_date
from app.services.delivery.deliverables import Deliverable

Header = tuple[bytes, bytes]

OPEN_TO_ALL: tuple[Header, ...] = ((b"access-control-allow-origin", b"*"),)
ALWAYS: tuple[Header, ...] = (
    (b"accept-ranges", b"bytes"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"timing-allow-origin", b"*"),
    *OPEN_TO_ALL,
)
VARY: Header = (b"vary", b"Accept")
NOT_KEPT: Header = (b"cache-control", b"no-store")
"""Of every answer that is no picture."""
_IMMUTABLE = b"public, max-age=31536000, immutable"
_VERSION_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """How a picture is to be sent to this caller."""

    is_owners: bool = False
    """Asked for with the owner's credential, and private."""
    signed_until_s: int | None = None
    """When the signature that opened it ends, in Unix seconds."""
    is_versioned: bool = False
    """Asked for with `?v=` of just these bytes."""
    is_download: bool = False
    is_seen_by_owner: bool = False
    """Asked for with the owner's credential, whoever else may see it: that is no view."""
    is_negotiated: bool = False
    """The same address has other bytes for other values of `Accept`."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object with all that is said about it; it is sent many times as it is."""

    found: Deliverable
    terms: Terms
    validators: Validators
    shared: tuple[Header, ...]
    """The headers of 200 and 206, but for length, range, and what a signature's end decides."""
    whole: tuple[Header, ...]
    """`shared` and the length of all of it."""
    unchanged: tuple[Header, ...]
    """The headers of 304, with the same exception."""
    whole_lines: bytes
    """`whole` as it stands on the line; likewise the next."""
    unchanged_lines: bytes

    @property
    def is_dated(self) -> bool:
        """Does what caches are told change from second to second?"""
        return self.terms.signed_until_s is not None


def prepare(found: Deliverable, terms: Terms) -> Prepared:
    """Say what there is to say of an object."""
    validators = Validators(f'"{found.sha256[:32]}"', found.changed_at)
    common: list[Header] = [
        *ALWAYS,
        (b"etag", validators.etag.encode()),
        (b"last-modified", http_date(validators.last_modified).encode()),
    ]
    if terms.is_negotiated:
        common.append(VARY)
    if terms.signed_until_s is None:
        common.append((b"cache-control", cache_control(found, terms)))
    shared = (
        *common,
        (b"content-type", found.content_type.encode()),
        (b"content-disposition", disposition(found.filename, is_download=terms.is_download)),
    )
    whole = (*shared, (b"content-length", str(found.byte_size).encode()))
    return Prepared(found, terms, validators, shared, whole, tuple(common), write_lines(whole), write_lines(common))


def write_lines(headers: Iterable[Header]) -> bytes:
    """Headers as HTTP/1.1 has them; each ends with a line break.

    Raises:
        ValueError: one of them would be two.
    """
    lines = [b"%s: %s\r\n" % header for header in headers]
    if any(line.count(b"\r") + line.count(b"\n") + line.count(b"\0") != 2 for line in lines):
        raise ValueError("a header holds a line break")
    return b"".join(lines)


def cache_control(found: Deliverable, terms: Terms) -> bytes:
    """What caches may do with it, as of now."""
    if terms.signed_until_s is not None:
        # Of a public image, too: it may be the signature alone that opens this size, or this much metadata.
        left_s = max(0, terms.signed_until_s - int(time.time()))
        return f"{'public' if found.is_public else 'private'}, max-age={min(found.browser_ttl_s, left_s)}".encode()
    if terms.is_owners or not found.is_public:
        return b"private, no-store"
    if terms.is_versioned:
        return _IMMUTABLE
    return f"public, max-age={found.browser_ttl_s}, stale-while-revalidate=7200".encode()


def disposition(filename: str, *, is_download: bool) -> bytes:
    """Show or save, under which name: RFC 6266 and RFC 8187, in UTF-8, percent-encoded but for `attr-char`."""
    kind = "attachment" if is_download else "inline"
    return f"{kind}; filename*=UTF-8''{quote(filename, safe='!#$&+-.^_`|~')}".encode()


def is_version_of(found: Deliverable, version: str | None) -> bool:
    """Does `?v=` name just these bytes?"""
    return version is not None and version == found.sha256[:_VERSION_CHARACTERS]
