"""Every address of a picture, and what it names. The parser is total: whatever comes, it has an address or None.

A path is split first and decoded then, once, so that `%2F` makes no new segment and `%252e` stays what it says.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes
from uuid import UUID

from app.domain.albums import is_slug
from app.domain.filenames import MAX_FILENAME_BYTES
from app.domain.formats import FORMATS_BY_EXTENSION, ImageFormat
from app.domain.links import StablePath, parse_stable_path
from app.domain.outputs import OutputFormat
from app.domain.texts import MAX_CUSTOM_ID_CHARACTERS
from app.domain.usernames import is_username
from app.ids import ImageId, parse_uuid

MAX_PATH_CHARACTERS = 8_192
"""Of a custom id each of 1,024 characters may take 12 once it is percent-encoded; that long nobody has one."""
MAX_SIZE_CHARACTERS = 1_024
"""Of an option list in the place of a size's name."""

_SHORT_ID = re.compile(r"[0-9A-Za-z]{8,12}", re.ASCII)
_ACCOUNT_HASH = re.compile(r"_[0-9A-Za-z_-]{21}", re.ASCII)
_ESCAPES = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_OTHER_FORMATS = {"auto": OutputFormat.AUTO, "original": OutputFormat.ORIGINAL}


@dataclass(frozen=True, slots=True)
class BlobAddress:
    """`/images/{id}/blob`: the very bytes that were uploaded."""

    image_id: ImageId


@dataclass(frozen=True, slots=True)
class PrettyAddress:
    """`{cdn}/{owner}/{album}/{filename}[/{size}]`; the filename's extension may be missing."""

    owner_name: str
    album_slug: str | None
    """None for `_`: in no album."""
    filename: str
    size: str | None = None


@dataclass(frozen=True, slots=True)
class ShortAddress:
    """`{cdn}/i/{shortId}[/{size}]`, `{cdn}/{shortId}`, `{base}/i/{shortId}`."""

    short_id: str
    size: str | None = None
    may_be_page: bool = False
    """At `{base}/i/` those who prefer HTML get the page around the picture."""


@dataclass(frozen=True, slots=True)
class CloudflareAddress:
    """`{cdn}/{accountHash}/{id or customId}/{size}`, and the same below `/cdn-cgi/imagedelivery/`."""

    account_hash: str
    name: str
    """An image's id, or its owner's own id for it, which may have slashes."""
    size: str

    @property
    def image_id(self) -> ImageId | None:
        """The name as an image's id, where it is one."""
        return _read_image_id(self.name)


@dataclass(frozen=True, slots=True)
class SlinkAddress:
    """`/image/{id}.{ext}?w&h&crop`; the extension is the format that is wanted."""

    image_id: ImageId
    format: ImageFormat


@dataclass(frozen=True, slots=True)
class TransformAddress:
    """`/t/{id}/{options}.{ext}`; the extension is the format that is wanted, or `auto`, or `original`."""

    image_id: ImageId
    options: str
    format: OutputFormat


Address = StablePath | BlobAddress | PrettyAddress | ShortAddress | CloudflareAddress | SlinkAddress | TransformAddress


@dataclass(frozen=True, slots=True)
class PictureRoot:
    """Where a request was sent to: which addresses there are."""

    is_cdn_host: bool = False
    """The host of `SAFELIGHT_CDN_URL`, which has pictures and nothing else."""
    cdn_prefix: tuple[str, ...] = ("cdn",)
    """The segments below which `{cdn}` lies on this host."""


def parse_address(raw_path: str, root: PictureRoot) -> Address | None:
    """What a path names, as it was sent, percent-encoded and without its query; None where it names no picture."""
    segments = split_path(raw_path)
    if segments is None:
        return None
    prefix = root.cdn_prefix
    if len(segments) > len(prefix) and tuple(segments[: len(prefix)]) == prefix:
        return _parse_below_cdn(segments[len(prefix) :])
    if root.is_cdn_host:
        return None
    if segments[0] == "i":
        return _parse_short(segments, may_be_page=True)
    own = _OWN_PLACES.get(segments[0])
    return own(segments) if own is not None else None


def split_path(raw_path: str) -> list[str] | None:
    """The segments of a path, each decoded once, in NFC; None where one is empty, `.`, `..`, or no text."""
    if not raw_path.startswith("/") or len(raw_path) > MAX_PATH_CHARACTERS:
        return None
    segments = [_decode(segment) for segment in raw_path[1:].split("/")]
    if any(segment is None or segment in {"", ".", ".."} for segment in segments):
        return None
    return [segment for segment in segments if segment is not None]


def _decode(segment: str) -> str | None:
    if not segment.isascii() or not _ESCAPES.fullmatch(segment):
        return None
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return None
    if any(unicodedata.category(character) == "Cc" for character in text):
        return None
    return unicodedata.normalize("NFC", text)


def _parse_below_cdn(segments: Sequence[str]) -> Address | None:
    first = segments[0]
    if first == "i":
        return _parse_short(segments)
    own = _OWN_PLACES.get(first)
    if own is not None:
        return own(segments)
    if len(segments) == 1:
        return ShortAddress(first) if _SHORT_ID.fullmatch(first) else None
    if first.startswith("_"):
        return _parse_cloudflare(segments)
    return _parse_pretty(segments)


def _parse_stable(segments: Sequence[str]) -> StablePath | None:
    if any("/" in segment for segment in segments):
        return None
    return parse_stable_path("/" + "/".join(segments))


def _parse_blob(segments: Sequence[str]) -> BlobAddress | None:
    image_id = _read_image_id(segments[1]) if len(segments) == 3 and segments[2] == "blob" else None
    return BlobAddress(image_id) if image_id is not None else None


def _parse_slink(segments: Sequence[str]) -> SlinkAddress | None:
    if len(segments) != 2:
        return None
    name, _, extension = segments[1].rpartition(".")
    image_id, format_ = _read_image_id(name), FORMATS_BY_EXTENSION.get(extension.lower())
    return SlinkAddress(image_id, format_) if image_id is not None and format_ is not None else None


def _parse_transform(segments: Sequence[str]) -> TransformAddress | None:
    if len(segments) != 3:
        return None
    options, dot, extension = segments[2].rpartition(".")
    image_id, format_ = _read_image_id(segments[1]), _read_output(extension)
    if image_id is None or format_ is None or not dot or len(options) > MAX_SIZE_CHARACTERS:
        return None
    return TransformAddress(image_id, options, format_)


def _parse_short(segments: Sequence[str], *, may_be_page: bool = False) -> ShortAddress | None:
    if len(segments) not in {2, 3} or not _SHORT_ID.fullmatch(segments[1]):
        return None
    size = segments[2] if len(segments) == 3 else None
    return ShortAddress(segments[1], size, may_be_page) if _may_be_size(size) else None


def _parse_pretty(segments: Sequence[str]) -> PrettyAddress | None:
    if len(segments) not in {3, 4}:
        return None
    owner_name, album, filename = segments[:3]
    size = segments[3] if len(segments) == 4 else None
    if not is_username(owner_name) or not (album == "_" or is_slug(album)) or not _may_be_size(size):
        return None
    if "/" in filename or len(filename.encode()) > MAX_FILENAME_BYTES:
        return None
    return PrettyAddress(owner_name, None if album == "_" else album, filename, size)


def _parse_cloudflare(segments: Sequence[str]) -> CloudflareAddress | None:
    if len(segments) < 3 or not _ACCOUNT_HASH.fullmatch(segments[0]) or not _may_be_size(segments[-1]):
        return None
    # An id with slashes means the same whether they were encoded or not.
    name = "/".join(segments[1:-1])
    return CloudflareAddress(segments[0], name, segments[-1]) if len(name) <= MAX_CUSTOM_ID_CHARACTERS else None


def _parse_imagedelivery(segments: Sequence[str]) -> CloudflareAddress | None:
    return _parse_cloudflare(segments[2:]) if segments[1:2] == ["imagedelivery"] else None


_OWN_PLACES: dict[str, Callable[[Sequence[str]], Address | None]] = {
    "f": _parse_stable,
    "images": _parse_blob,
    "image": _parse_slink,
    "t": _parse_transform,
    "cdn-cgi": _parse_imagedelivery,
}


def _may_be_size(size: str | None) -> bool:
    return size is None or len(size) <= MAX_SIZE_CHARACTERS


def _read_image_id(text: str) -> ImageId | None:
    found: UUID | None = parse_uuid(text)
    return ImageId(found) if found is not None else None


def _read_output(extension: str) -> OutputFormat | None:
    if extension in _OTHER_FORMATS:
        return _OTHER_FORMATS[extension]
    format_ = FORMATS_BY_EXTENSION.get(extension.lower())
    return OutputFormat.__members__.get(format_.name) if format_ is not None else None
