"""The `meta` box of an AVIF, written anew with the items that the picture is made of, in as many bytes as before."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from app.domain.cleaning.copying import copy_masked
from app.domain.headers.cursor import Cursor
from app.domain.headers.heif_meta import MAX_ITEMS, Item, Meta, Reference, list_extents
from app.domain.headers.isobmff import split_boxes
from app.domain.headers.reading import count_bytes
from app.errors import InvalidImage

_NO_PICTURES = {b"Exif", b"mime", b"uri "}
_KEPT_REFERENCES = {b"dimg", b"auxl", b"prem"}
# What the size, the codec, the colours and the turning of a picture are told by.
_KEPT_PROPERTIES = {
    *(b"ispe", b"pixi", b"av1C", b"colr", b"pasp", b"irot", b"imir", b"clap", b"auxC"),
    *(b"a1op", b"a1lx", b"lsel", b"clli", b"mdcv", b"cclv", b"amve", b"ndwt", b"hvcC"),
}
# Version and flags, four unused bytes, the kind, twelve unused bytes; the name follows.
_HANDLER = bytes(8) + b"pict" + bytes(12)


def choose_items(meta: Meta) -> set[int]:
    """The numbers of the items that the primary picture is made of: its tiles, its alpha, its gain map.

    Raises:
        InvalidImage: one of them is not there.
    """
    needs: dict[int, set[int]] = {}
    for reference in meta.references:
        for source, target in _list_needs(meta, reference):
            needs.setdefault(source, set()).add(target)
    kept, waiting = {meta.primary}, [meta.primary]
    while waiting:
        found = needs.get(waiting.pop(), set()) - kept
        kept |= found
        waiting += found
    if not kept <= meta.items.keys() or any(meta.items[number].kind in _NO_PICTURES for number in kept):
        raise InvalidImage("A part of the picture is missing.")
    for number in kept:
        list_extents(meta, meta.items[number])  # raises where `idat` is too short
    return kept


def rebuild_meta(source: BinaryIO, meta: Meta, kept: set[int]) -> bytes:
    """The whole box with the `kept` items only; a `free` box at its end makes up for what is gone.

    Raises:
        InvalidImage: it would become longer, which only a very odd one can.
    """
    parts = b"".join(_list_parts(source, meta, kept))
    bare = _full_box(b"meta", 0, _box(b"hdlr", _HANDLER + b"\0") + parts)
    spare = meta.box.end - meta.box.offset - len(bare)
    if spare < 0:
        raise InvalidImage("The picture's list of parts is of a kind that is not taken.")
    # A box has at least eight bytes; fewer than that go behind the handler's empty name.
    name_bytes, free = (1 + spare, b"") if spare < 8 else (1, _box(b"free", bytes(spare - 8)))
    return _full_box(b"meta", 0, _box(b"hdlr", _HANDLER + bytes(name_bytes)) + parts + free)


def _list_needs(meta: Meta, reference: Reference) -> Iterator[tuple[int, int]]:
    # A picture needs what it is derived from; its alpha and its gain map point at it, not it at them.
    source = meta.items.get(reference.source)
    if reference.kind == b"dimg":
        yield from ((reference.source, target) for target in reference.targets)
    if reference.kind == b"auxl" or (reference.kind == b"dimg" and source is not None and source.kind == b"tmap"):
        yield from ((target, reference.source) for target in reference.targets)


def _list_parts(source: BinaryIO, meta: Meta, kept: set[int]) -> Iterator[bytes]:
    items = [item for item in meta.items.values() if item.number in kept]
    is_wide = max(kept) > 0xFFFF
    id_bytes = 4 if is_wide else 2
    yield _full_box(b"pitm", int(is_wide), meta.primary.to_bytes(id_bytes, "big"))
    yield _make_locations(items, is_wide=is_wide, file_bytes=count_bytes(source))
    entries = b"".join(_make_entry(item) for item in items)
    yield _full_box(b"iinf", 0, len(items).to_bytes(2, "big") + entries)
    if references := b"".join(_make_references(meta, kept, id_bytes)):
        yield _full_box(b"iref", int(is_wide), references)
    yield _box(b"iprp", _make_properties(meta, kept, is_wide=is_wide))
    if any(item.is_in_idat for item in items):
        yield _make_idat(source, meta, items)
    if groups := b"".join(_list_groups(meta, kept)):
        yield _box(b"grpl", groups)


def _make_entry(item: Item) -> bytes:
    version, id_bytes = (3, 4) if item.number > 0xFFFF else (2, 2)
    head = bytes((version,)) + item.flags.to_bytes(3, "big")
    # No protection, the type, and an empty name.
    return _box(b"infe", head + item.number.to_bytes(id_bytes, "big") + b"\0\0" + item.kind + b"\0")


def _make_locations(items: list[Item], *, is_wide: bool, file_bytes: int) -> bytes:
    # Version 0 is the shortest; it knows neither `idat` nor numbers above 65,535.
    version = 2 if is_wide else int(any(item.is_in_idat for item in items))
    offset_bytes = 4 if file_bytes < 1 << 32 else 8
    id_bytes = 4 if is_wide else 2
    parts = [bytes((offset_bytes << 4 | 4, 0)), len(items).to_bytes(id_bytes, "big")]
    for item in items:
        parts.append(item.number.to_bytes(id_bytes, "big"))
        if version:
            parts.append(bytes((0, int(item.is_in_idat))))
        parts.append(b"\0\0" + len(item.extents).to_bytes(2, "big"))
        for extent in item.extents:
            parts.append(extent.offset.to_bytes(offset_bytes, "big") + extent.length.to_bytes(4, "big"))
    return _full_box(b"iloc", version, b"".join(parts))


def _make_references(meta: Meta, kept: set[int], id_bytes: int) -> Iterator[bytes]:
    for reference in meta.references:
        if reference.kind not in _KEPT_REFERENCES or reference.source not in kept:
            continue
        targets = [number for number in reference.targets if number in kept]
        numbers = [reference.source.to_bytes(id_bytes, "big"), len(targets).to_bytes(2, "big")]
        yield _box(reference.kind, b"".join((*numbers, *(number.to_bytes(id_bytes, "big") for number in targets))))


def _make_properties(meta: Meta, kept: set[int], *, is_wide: bool) -> bytes:
    # Associations name a property by its place in the list, so that a dropped one leaves an empty box there.
    listed = (
        _box(kind, content) if kind in _KEPT_PROPERTIES else _box(b"free", b"") for kind, content in meta.properties
    )
    id_bytes = 4 if is_wide else 2
    owners = [number for number in meta.associations if number in kept]
    has_long_places = any(place.index > 0x7F for number in owners for place in meta.associations[number])
    parts = []
    for number in owners:
        places = meta.associations[number]
        parts.append(number.to_bytes(id_bytes, "big") + bytes((len(places),)))
        for place in places:
            width_bits = 15 if has_long_places else 7
            value = place.is_essential << width_bits | place.index
            parts.append(value.to_bytes((width_bits + 1) // 8, "big"))
    head = bytes((int(is_wide), 0, 0, int(has_long_places))) + len(owners).to_bytes(4, "big")
    return _box(b"ipco", b"".join(listed)) + _box(b"ipma", head + b"".join(parts))


def _make_idat(source: BinaryIO, meta: Meta, items: list[Item]) -> bytes:
    extents = [extent for item in items if item.is_in_idat for extent in list_extents(meta, item)]
    assert meta.idat is not None  # or `list_extents` had raised
    needed = sorted((extent.offset, extent.offset + extent.length) for extent in extents)
    content = io.BytesIO()
    copy_masked(source, content, meta.idat.offset, meta.idat.offset + meta.idat.length, needed=needed)
    return _box(b"idat", content.getvalue())


def _list_groups(meta: Meta, kept: set[int]) -> Iterator[bytes]:
    # `altr` says that a viewer may show the picture or the one with its gain map.
    for box in split_boxes(meta.groups):
        cursor = Cursor(meta.groups[box.content : box.end])
        cursor.take_version()
        group, count = cursor.take(4), cursor.take(4)
        if box.kind == b"altr" and count <= MAX_ITEMS:
            numbers = [cursor.take(4) for _ in range(count)]
            if kept.issuperset(numbers):
                content = b"".join(number.to_bytes(4, "big") for number in (group, count, *numbers))
                yield _full_box(b"altr", 0, content)


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def _full_box(kind: bytes, version: int, content: bytes) -> bytes:
    return _box(kind, bytes((version, 0, 0, 0)) + content)
