"""Build and parse the addresses that are given out. They are known before the bytes are, and never change."""

from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from app.domain.formats import FORMATS_BY_EXTENSION
from app.domain.outputs import OutputFormat
from app.domain.variants import Derivative, Family
from app.ids import ImageId, parse_uuid

_MAX_SIZE_CHARACTERS = 99  # Cloudflare's limit for the name of a variant


@dataclass(frozen=True, slots=True)
class StablePath:
    """What `/f/{image}/{family}/{size}.{ext}` names."""

    image_id: ImageId
    derivative: Derivative


def make_stable_path(image_id: UUID, derivative: Derivative, extension: str) -> str:
    """The path under which a variant will be served for ever."""
    return f"/f/{image_id}/{derivative.family.value}/{derivative.size}.{extension}"


def parse_stable_path(path: str) -> StablePath | None:
    """The inverse of `make_stable_path`; None for anything else.

    Of the `original` family the extension is decoration: every picture's extension is taken, so that an address
    guessed from a file's name before its bytes came is good for ever. The other families have just their own.
    """
    parts = path.split("/")
    if len(parts) != 5 or parts[0] or parts[1] != "f":
        return None
    image_id = parse_uuid(parts[2])
    size, dot, extension = parts[4].rpartition(".")
    if image_id is None or not dot or not size or len(size) > _MAX_SIZE_CHARACTERS:
        return None
    family = _FAMILIES.get(parts[3])
    if family is None or not _fits(family, extension):
        return None
    return StablePath(ImageId(image_id), Derivative(family, size))


def make_blob_path(image_id: UUID) -> str:
    """Where the very bytes that were uploaded are, for the owner."""
    return f"/images/{image_id}/blob"


def make_pretty_path(owner_name: str, album_slug: str | None, filename: str, size: str | None = None) -> str:
    """The path below the CDN's address that people can read; `_` stands where there is no album."""
    parts = (owner_name, album_slug or "_", filename, *([size] if size else []))
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def make_view_path(short_id: str) -> str:
    """The page that shows an image."""
    return f"/i/{short_id}"


def make_short_path(short_id: str, size: str | None = None) -> str:
    """The path below the CDN's address under which an image, or a size of it, is served as the client likes it."""
    return f"/i/{short_id}/{size}" if size is not None else f"/i/{short_id}"


def make_cloudflare_path(account_hash: str, name: str, size: str) -> str:
    """The path below the CDN's address by an image's id, or its owner's own id for it, whose slashes stay slashes."""
    # But where a client would take them for a way up, or for nothing.
    is_plain = not {"", ".", ".."} & set(name.split("/"))
    return f"/{account_hash}/{quote(name, safe='/' if is_plain else '')}/{quote(size, safe='')}"


def make_transform_path(image_id: UUID, options: str, output: OutputFormat) -> str:
    """Where a free transformation is made and served; `options` are as `write_options` writes them."""
    return f"/t/{image_id}/{options}.{output.value}"


_FAMILIES = {family.value: family for family in Family}
# JPEG has two usual spellings; addresses given out say `jpeg`, people type `jpg`.
_EXTENSIONS = {Family.JPEG: {"jpeg", "jpg"}}


def _fits(family: Family, extension: str) -> bool:
    if family is Family.ORIGINAL:
        return extension in FORMATS_BY_EXTENSION
    return extension in _EXTENSIONS.get(family, {family.value})
