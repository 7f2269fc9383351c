"""The size that libheif gives to an AVIF or HEIC picture, told from the boxes alone."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

from app.domain.formats import ImageFormat
from app.domain.headers import tiff
from app.domain.headers.cursor import Cursor
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.heif_meta import Item, Meta, list_extents, read_item, read_meta
from app.domain.headers.limits import check_canvas, exceed
from app.domain.headers.reading import count_bytes
from app.errors import InvalidImage

_ALPHA_URNS = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
_DERIVED = {b"grid", b"iovl"}
_PROFILES = {b"prof", b"rICC"}


def read_facts(file: BinaryIO, codec: ImageFormat, *, budget: Budget) -> HeaderFacts:
    """What the boxes say; a sequence counts as the still of its primary item. Raises as `probe` does."""
    meta = read_meta(file)
    for kind, content in meta.properties:
        if kind == b"ispe":
            check_canvas(*_parse_size(content), budget=budget)
    primary = _find_coded_item(meta)
    width_px, height_px = _find_size(file, meta, primary, budget)
    if any(extent.offset >= count_bytes(file) for extent in list_extents(meta, primary)):
        raise InvalidImage("A part of the picture is missing.")
    width_px, height_px = _apply_transforms(meta, width_px, height_px)
    check_canvas(width_px, height_px, budget=budget)
    return HeaderFacts(
        codec,
        width_px,
        height_px,
        has_alpha=_has_alpha(meta),
        has_icc_profile=any(content[:4] in _PROFILES for content in meta.list_properties(primary.number, b"colr")),
    )


def find_exif(file: BinaryIO) -> bytes | None:
    """The block of the first Exif item."""
    meta = read_meta(file)
    for item in meta.items.values():
        if item.kind == b"Exif":
            block = read_item(file, meta, item, max_bytes=tiff.MAX_BLOCK_BYTES)
            # Four bytes say how far behind them the TIFF header stands; writers disagree on whether to believe them.
            begin = 4 + int.from_bytes(block[:4], "big")
            return block[begin:] if block[begin : begin + 2] in {b"II", b"MM"} else block[4:]
    return None


def _find_coded_item(meta: Meta) -> Item:
    item = meta.items.get(meta.primary)
    if item is None or (not item.extents and item.kind != b"iden"):
        raise InvalidImage("The picture has no primary item.")
    return item


def _find_size(file: BinaryIO, meta: Meta, item: Item, budget: Budget) -> tuple[int, int]:
    sizes = meta.list_properties(item.number, b"ispe")
    if not sizes:
        raise InvalidImage("The picture does not say its size.")
    width_px, height_px = _parse_size(sizes[0])
    if item.kind in _DERIVED:
        _check_parts(meta, item, budget)
        canvas = _read_canvas(file, meta, item)
        check_canvas(*canvas, budget=budget)
        if canvas != (width_px, height_px):
            raise InvalidImage("The picture says two different sizes.")
    return width_px, height_px


def _check_parts(meta: Meta, item: Item, budget: Budget) -> None:
    # A grid of many large tiles is decoded tile by tile before the overlap is thrown away.
    pixels = sum(width_px * height_px for width_px, height_px in _list_part_sizes(meta, item))
    if pixels > budget.max_total_pixels:
        raise exceed("pixels", pixels, most=budget.max_total_pixels)


def _list_part_sizes(meta: Meta, item: Item) -> Iterator[tuple[int, int]]:
    for reference in meta.references:
        if reference.kind == b"dimg" and reference.source == item.number:
            for target in reference.targets:
                yield from (_parse_size(content) for content in meta.list_properties(target, b"ispe")[:1])


def _read_canvas(file: BinaryIO, meta: Meta, item: Item) -> tuple[int, int]:
    cursor = Cursor(read_item(file, meta, item, max_bytes=32))
    version, flags = cursor.take(1), cursor.take(1)
    if version:
        raise InvalidImage("The picture is put together in a way that is not taken.")
    cursor.take(2 if item.kind == b"grid" else 8)  # rows and columns, or the colour behind an overlay
    side_bytes = 4 if flags & 1 else 2
    return cursor.take(side_bytes), cursor.take(side_bytes)


def _apply_transforms(meta: Meta, width_px: int, height_px: int) -> tuple[int, int]:
    for kind, content in meta.walk_properties(meta.primary):
        if kind == b"clap":
            width_px, height_px = _crop(content, width_px, height_px)
        elif kind == b"irot" and Cursor(content).take(1) & 1:
            width_px, height_px = height_px, width_px
    return width_px, height_px


def _crop(content: bytes, width_px: int, height_px: int) -> tuple[int, int]:
    cursor = Cursor(content)
    fractions = []
    for _ in range(4):
        numerator = int.from_bytes(cursor.take_bytes(4), "big", signed=True)
        denominator = int.from_bytes(cursor.take_bytes(4), "big", signed=True)
        if denominator <= 0:
            raise InvalidImage("The picture is cropped in a way that is not possible.")
        fractions.append(Fraction(numerator, denominator))
    crop_width, crop_height, right, down = fractions
    return _crop_side(crop_width, right, width_px), _crop_side(crop_height, down, height_px)


def _crop_side(wanted: Fraction, offset: Fraction, side_px: int) -> int:
    # libheif's arithmetic: the first pixel is rounded down, the last one to the nearest.
    first = math.floor(offset + Fraction(side_px - 1, 2) - (wanted - 1) / 2)
    last = math.floor(wanted - 1 + first + Fraction(1, 2))
    return min(last, side_px - 1) - max(first, 0) + 1


def _has_alpha(meta: Meta) -> bool:
    alphas = {
        reference.source
        for reference in meta.references
        if reference.kind == b"auxl" and meta.primary in reference.targets
    }
    # Four bytes of version and flags stand before the name.
    return any(
        content[4:].startswith(_ALPHA_URNS) for item in alphas for content in meta.list_properties(item, b"auxC")
    )


def _parse_size(content: bytes) -> tuple[int, int]:
    cursor = Cursor(content)
    cursor.take_version()
    return cursor.take(4), cursor.take(4)
