"""Bounded reads from a seekable file whose every byte is somebody else's."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from app.errors import InvalidImage

_FIRST_WINDOW_BYTES = 256
_MAX_WINDOW_BYTES = 1 << 18


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Exactly `count` bytes from `offset`.

    Raises:
        InvalidImage: the file ends before them.
    """
    content = read_up_to(file, offset, count)
    if len(content) < count:
        raise InvalidImage("The picture ends in the middle.")
    return content


def read_up_to(file: BinaryIO, offset: int, count: int) -> bytes:
    """At most `count` bytes from `offset`; fewer at the end of the file."""
    file.seek(offset)
    return file.read(count)


def walk_windows(file: BinaryIO, start: int, *, overlap: int = 0) -> Iterator[tuple[int, bytes]]:
    """Offset and content of one window after another up to the end of the file, each `overlap` bytes into the last.

    The first is small and the others grow, so that many short searches do not read the file many times over.
    """
    window_bytes = _FIRST_WINDOW_BYTES
    while len(window := read_up_to(file, start, window_bytes)) > overlap:
        yield start, window
        start += len(window) - overlap
        window_bytes = min(4 * window_bytes, _MAX_WINDOW_BYTES)


def count_bytes(file: BinaryIO) -> int:
    """The length of the whole file in bytes."""
    return file.seek(0, os.SEEK_END)


def be16(content: bytes, offset: int = 0) -> int:
    """Two bytes, big end first."""
    return int.from_bytes(content[offset : offset + 2], "big")


def be32(content: bytes, offset: int = 0) -> int:
    """Four bytes, big end first."""
    return int.from_bytes(content[offset : offset + 4], "big")


def le16(content: bytes, offset: int = 0) -> int:
    """Two bytes, little end first."""
    return int.from_bytes(content[offset : offset + 2], "little")


def le24(content: bytes, offset: int = 0) -> int:
    """Three bytes, little end first."""
    return int.from_bytes(content[offset : offset + 3], "little")


def le32(content: bytes, offset: int = 0) -> int:
    """Four bytes, little end first."""
    return int.from_bytes(content[offset : offset + 4], "little")
