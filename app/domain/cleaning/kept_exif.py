"""The little EXIF that survives a cleaning, written anew: nothing of the old block is copied but these values."""

import struct

from app.domain.headers import tiff
from app.domain.headers.exif import parse_exif
from app.domain.variants import MetadataPolicy

_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_ASCII, _SHORT = 2, 3
_HEAD_BYTES = 8


def make_kept_exif(block: bytes | None, *, orientation: int, metadata: MetadataPolicy) -> bytes:
    """A TIFF block with the orientation where it turns, and under COPYRIGHT artist and copyright of the old `block`.

    Empty where there is nothing to say.
    """
    entries: list[tuple[int, int, int, bytes]] = []
    if orientation != 1:
        entries.append((tiff.ORIENTATION, _SHORT, 1, struct.pack(">HH", orientation, 0)))
    if block and metadata is MetadataPolicy.COPYRIGHT:
        old = parse_exif(block)
        for tag, text in ((_ARTIST, old.artist), (_COPYRIGHT, old.copyright)):
            if text:
                content = text.encode() + b"\0"
                entries.append((tag, _ASCII, len(content), content))
    return _join(entries) if entries else b""


def _join(entries: list[tuple[int, int, int, bytes]]) -> bytes:
    # Values longer than four bytes stand behind the directory, each at an even place.
    directory, tail = [struct.pack(">H", len(entries))], b""
    tail_offset = _HEAD_BYTES + 2 + 12 * len(entries) + 4
    for tag, kind, count, content in entries:
        place = content.ljust(4, b"\0")
        if len(content) > 4:
            place = struct.pack(">I", tail_offset + len(tail))
            tail += content + b"\0" * (len(content) % 2)
        directory.append(struct.pack(">HHI", tag, kind, count) + place)
    return b"MM\0*\0\0\0\x08" + b"".join(directory) + b"\0\0\0\0" + tail
