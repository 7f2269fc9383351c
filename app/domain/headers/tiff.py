"""The TIFF structure inside EXIF, read so that no byte in it can do harm: nothing here raises, loops or grows."""

import math
from dataclasses import dataclass

MAX_BLOCK_BYTES = 1 << 20
"""EXIF above this is not read; JPEG cannot hold more than 64 KiB of it anyway."""

ORIENTATION = 0x0112
EXIF_IFD = 0x8769
GPS_IFD = 0x8825

_MAX_ENTRIES = 256
_MAX_VALUES = 64
_MAX_TEXT_BYTES = 1024
_MAX_TEXT_CHARACTERS = 255

_ASCII, _RATIONAL, _SIGNED_RATIONAL = 2, 5, 10
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8}
_SIGNED = {6, 8, 9, 10}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag's value as bytes; `kind` is TIFF's number of its type."""

    kind: int
    content: bytes
    is_little: bool


Directory = dict[int, Entry]


def read_directory(block: bytes) -> Directory:
    """The first directory of an EXIF block (with or without `Exif\\0\\0` before it); empty for garbage."""
    block = strip_prefix(block)
    if not _is_tiff(block):
        return {}
    return _read_entries(block, _int(block[4:8], is_little=block[:1] == b"I"))


def read_sub_directory(block: bytes, parent: Directory, tag: int) -> Directory:
    """The directory that `tag` of `parent` points to; empty where there is none."""
    block = strip_prefix(block)
    offset = find_number(parent, tag)
    if offset is None or not _is_tiff(block) or not 8 <= offset < len(block):
        return {}
    return _read_entries(block, int(offset))


def find_orientation(block: bytes) -> int:
    """EXIF orientation, 1 to 8; 1 where the block says nothing sensible."""
    orientation = find_number(read_directory(block), ORIENTATION)
    return int(orientation) if orientation is not None and orientation in range(1, 9) else 1


def find_text(directory: Directory, tag: int) -> str | None:
    """A tag's text without control characters, at most 255 characters; None if absent or empty."""
    entry = directory.get(tag)
    if entry is None or entry.kind not in {_ASCII, 1, 7}:
        return None
    raw = entry.content[:_MAX_TEXT_BYTES].split(b"\0", 1)[0]
    text = "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable()).strip()
    return text[:_MAX_TEXT_CHARACTERS].strip() or None


def find_number(directory: Directory, tag: int) -> float | None:
    """A tag's first number, always finite; None if absent or not a number."""
    numbers = list_numbers(directory, tag)
    return numbers[0] if numbers else None


def list_numbers(directory: Directory, tag: int) -> list[float]:
    """All of a tag's numbers, at most 64; empty if one of them is not finite."""
    entry = directory.get(tag)
    if entry is None or entry.kind not in _WIDTHS or entry.kind == _ASCII:
        return []
    width = _WIDTHS[entry.kind]
    count = min(len(entry.content) // width, _MAX_VALUES)
    numbers = [_number(entry, entry.content[i * width : (i + 1) * width]) for i in range(count)]
    return numbers if all(map(math.isfinite, numbers)) else []


def find_fraction(directory: Directory, tag: int) -> tuple[int, int] | None:
    """A rational tag's numerator and denominator, neither of them 0."""
    entry = directory.get(tag)
    if entry is None or entry.kind not in {_RATIONAL, _SIGNED_RATIONAL} or len(entry.content) < 8:
        return None
    numerator = _int(entry.content[:4], is_little=entry.is_little)
    denominator = _int(entry.content[4:8], is_little=entry.is_little)
    return (numerator, denominator) if numerator and denominator else None


def strip_prefix(block: bytes) -> bytes:
    """The block from its TIFF header on; several writers put JPEG's prefix into other containers too."""
    return block[6:] if block.startswith(b"Exif\0") else block


def _is_tiff(block: bytes) -> bool:
    return block[:4] in {b"II*\0", b"MM\0*"} and len(block) <= MAX_BLOCK_BYTES


def _read_entries(block: bytes, start: int) -> Directory:
    is_little = block[:1] == b"I"
    count = min(_int(block[start : start + 2], is_little=is_little), _MAX_ENTRIES)
    directory: Directory = {}
    for offset in range(start + 2, start + 2 + count * 12, 12):
        raw = block[offset : offset + 12]
        if len(raw) < 12:
            break
        tag, kind = _int(raw[:2], is_little=is_little), _int(raw[2:4], is_little=is_little)
        byte_count = _WIDTHS.get(kind, 0) * _int(raw[4:8], is_little=is_little)
        content = raw[8 : 8 + byte_count]
        if byte_count > 4:
            place = _int(raw[8:12], is_little=is_little)
            content = block[place : place + min(byte_count, _MAX_TEXT_BYTES)]
        directory.setdefault(tag, Entry(kind, content, is_little))
    return directory


def _number(entry: Entry, raw: bytes) -> float:
    signed = entry.kind in _SIGNED
    if len(raw) < 8:
        return _int(raw, is_little=entry.is_little, signed=signed)
    numerator = _int(raw[:4], is_little=entry.is_little, signed=signed)
    denominator = _int(raw[4:], is_little=entry.is_little, signed=signed)
    return numerator / denominator if denominator else math.nan


def _int(raw: bytes, *, is_little: bool, signed: bool = False) -> int:
    return int.from_bytes(raw, "little" if is_little else "big", signed=signed)
