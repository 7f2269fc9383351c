"""The `meta` box of an AVIF or HEIC: which items the file holds, where they lie, and what they are like."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.domain.headers.cursor import Cursor
from app.domain.headers.isobmff import Box, split_boxes, walk_boxes
from app.domain.headers.limits import exceed
from app.domain.headers.reading import read_at, read_up_to
from app.errors import InvalidImage

# A 48-megapixel photograph of a telephone has about 300 items and 20 KB of boxes, beside its colour profile.
MAX_ITEMS = 1_000
_MAX_META_BYTES = 8 << 20
# Over all items together: extents, targets of references, properties.
_MAX_LINKS = 10_000
_WIDTHS = {0, 4, 8}


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of bytes: `offset` is from the file's begin, or from the begin of `idat`'s content."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the file: a coded picture, a grid of them, EXIF."""

    number: int
    kind: bytes
    flags: int = 0
    content_type: bytes = b""
    """Media type, of `mime` items only."""
    is_in_idat: bool = False
    extents: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """`kind` says how `source` needs or describes the `targets`, such as `dimg` or `auxl`."""

    kind: bytes
    source: int
    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Association:
    """A property that an item has: its place in the list, from 1, and whether a reader must understand it."""

    index: int
    is_essential: bool


@dataclass(frozen=True, slots=True)
class Meta:
    """The content of `meta`; `idat` lies in the file."""

    box: Box
    primary: int
    items: dict[int, Item]
    references: tuple[Reference, ...]
    properties: tuple[tuple[bytes, bytes], ...]
    """Type and content of each."""
    associations: dict[int, tuple[Association, ...]]
    idat: Extent | None
    groups: bytes
    """Content of `grpl`."""

    def list_properties(self, item: int, kind: bytes) -> list[bytes]:
        """The contents of an item's properties of one type, in the order in which they apply."""
        return [content for found, content in self.walk_properties(item) if found == kind]

    def walk_properties(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        """Type and content of an item's properties, in the order in which they apply."""
        for association in self.associations.get(item, ()):
            if 1 <= association.index <= len(self.properties):
                yield self.properties[association.index - 1]


def read_meta(file: BinaryIO) -> Meta:
    """The picture's `meta` box.

    Raises:
        InvalidImage: there is none, or it is broken.
        ImageTooLarge: it has too many items or bytes.
    """
    box = next((box for box in walk_boxes(file) if box.kind == b"meta"), None)
    if box is None or box.is_cut:
        raise InvalidImage("The picture has no list of its parts.")
    if box.end - box.content > _MAX_META_BYTES:
        raise exceed("metadataBytes", box.end - box.content, most=_MAX_META_BYTES)
    content = read_at(file, box.content, box.end - box.content)
    # The first of two boxes of a type counts.
    found: dict[bytes, Box] = {}
    for child in split_boxes(content, 4):
        found.setdefault(child.kind, child)
    parts = {kind: content[child.content : child.end] for kind, child in found.items()}
    if not {b"pitm", b"iinf", b"iloc", b"iprp"} <= parts.keys():
        raise InvalidImage("The picture has no list of its parts.")
    properties, associations = _parse_properties(parts[b"iprp"])
    idat = found.get(b"idat")
    return Meta(
        box=box,
        primary=_parse_primary(parts[b"pitm"]),
        items=_parse_locations(parts[b"iloc"], _parse_items(parts[b"iinf"])),
        references=tuple(_parse_references(parts.get(b"iref", b""))),
        properties=properties,
        associations=associations,
        idat=None if idat is None else Extent(box.content + idat.content, idat.end - idat.content),
        groups=parts.get(b"grpl", b""),
    )


def list_extents(meta: Meta, item: Item) -> list[Extent]:
    """Where in the file an item's bytes lie.

    Raises:
        InvalidImage: they lie in an `idat` that is not there, or outside of it.
    """
    if not item.is_in_idat:
        return list(item.extents)
    extents = []
    for extent in item.extents:
        if meta.idat is None or extent.offset + extent.length > meta.idat.length:
            raise InvalidImage("A part of the picture is missing.")
        length = extent.length or meta.idat.length - extent.offset
        extents.append(Extent(meta.idat.offset + extent.offset, length))
    return extents


def read_item(file: BinaryIO, meta: Meta, item: Item, *, max_bytes: int) -> bytes:
    """The first `max_bytes` bytes of an item; fewer where it is shorter or the file ends."""
    parts, left = [], max_bytes
    for extent in list_extents(meta, item):
        # A length of 0 means: to the end of the file.
        part = read_up_to(file, extent.offset, min(extent.length or left, left))
        parts.append(part)
        left -= len(part)
        if left <= 0:
            break
    return b"".join(parts)


def _parse_primary(content: bytes) -> int:
    cursor = Cursor(content)
    version = cursor.take_version()
    return cursor.take(4 if version else 2)


def _parse_items(content: bytes) -> dict[int, Item]:
    cursor = Cursor(content)
    version = cursor.take_version()
    _take_count(cursor, 4 if version else 2, most=MAX_ITEMS)
    items: dict[int, Item] = {}
    for box in split_boxes(content, cursor.position):
        if box.kind == b"infe":
            item = _parse_item(content[box.content : box.end])
            items.setdefault(item.number, item)
    if len(items) > MAX_ITEMS:
        raise exceed("items", len(items), most=MAX_ITEMS)
    return items


def _parse_item(content: bytes) -> Item:
    cursor = Cursor(content)
    version, flags = cursor.take(1), cursor.take(3)
    if version < 2:
        raise InvalidImage("The picture's list of parts is of a kind that is not taken.")
    number = cursor.take(4 if version > 2 else 2)
    cursor.take(2)
    kind = cursor.take_bytes(4)
    cursor.take_text()
    content_type = cursor.take_text() if kind == b"mime" else b""
    return Item(number, kind, flags, content_type)


def _parse_locations(content: bytes, items: dict[int, Item]) -> dict[int, Item]:
    cursor = Cursor(content)
    version = cursor.take_version()
    packed = cursor.take(2)
    offset_bytes, length_bytes, base_bytes = packed >> 12, packed >> 8 & 15, packed >> 4 & 15
    index_bytes = packed & 15 if version else 0
    if not {offset_bytes, length_bytes, base_bytes, index_bytes} <= _WIDTHS:
        raise InvalidImage("The picture has a broken box.")
    placed, links_left = dict(items), _MAX_LINKS
    for _ in range(_take_count(cursor, 4 if version > 1 else 2, most=MAX_ITEMS)):
        number = cursor.take(4 if version > 1 else 2)
        construction = cursor.take(2) & 15 if version else 0
        cursor.take(2)
        base, extents = cursor.take(base_bytes), []
        for _ in range(_take_count(cursor, 2, most=links_left)):
            cursor.take(index_bytes)
            extents.append(Extent(base + cursor.take(offset_bytes), cursor.take(length_bytes)))
        links_left -= len(extents)
        if construction > 1 or any(extent.offset + extent.length >= 1 << 62 for extent in extents):
            raise InvalidImage("The picture's parts lie where they are not taken from.")
        if item := items.get(number):
            placed[number] = replace(item, is_in_idat=construction == 1, extents=tuple(extents))
    return placed


def _parse_references(content: bytes) -> Iterator[Reference]:
    if not content:
        return
    number_bytes, links_left = (4 if content[0] else 2), _MAX_LINKS
    for box in split_boxes(content, 4):
        cursor = Cursor(content[box.content : box.end])
        source, count = cursor.take(number_bytes), _take_count(cursor, 2, most=links_left)
        links_left -= count
        yield Reference(box.kind, source, tuple(cursor.take(number_bytes) for _ in range(count)))


def _parse_properties(
    content: bytes,
) -> tuple[tuple[tuple[bytes, bytes], ...], dict[int, tuple[Association, ...]]]:
    properties: tuple[tuple[bytes, bytes], ...] = ()
    associations: dict[int, tuple[Association, ...]] = {}
    for box in split_boxes(content):
        inner = content[box.content : box.end]
        if box.kind == b"ipco" and not properties:
            properties = tuple((child.kind, inner[child.content : child.end]) for child in split_boxes(inner))
        elif box.kind == b"ipma":
            links_left = _MAX_LINKS - sum(map(len, associations.values()))
            associations = {**_parse_associations(inner, links_left), **associations}
    return properties, associations


def _parse_associations(content: bytes, links_left: int) -> dict[int, tuple[Association, ...]]:
    cursor = Cursor(content)
    version, flags = cursor.take(1), cursor.take(3)
    width_bits = 15 if flags & 1 else 7
    mask = (1 << width_bits) - 1
    associations = {}
    for _ in range(_take_count(cursor, 4, most=MAX_ITEMS)):
        number = cursor.take(4 if version else 2)
        raw = [cursor.take((width_bits + 1) // 8) for _ in range(_take_count(cursor, 1, most=links_left))]
        links_left -= len(raw)
        associations[number] = tuple(Association(value & mask, bool(value >> width_bits)) for value in raw)
    return associations


def _take_count(cursor: Cursor, byte_count: int, *, most: int) -> int:
    count = cursor.take(byte_count)
    if count > most:
        raise exceed("items", count, most=most)
    return count
