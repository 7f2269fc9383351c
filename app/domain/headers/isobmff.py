"""ISO base media files (AVIF, HEIC): boxes, and boxes in boxes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.domain.headers.limits import exceed
from app.domain.headers.reading import be32, count_bytes, read_up_to
from app.errors import InvalidImage

_MAX_BOXES = 1_000
_MAX_CHILDREN = 4_000


@dataclass(frozen=True, slots=True)
class Box:
    """[`offset`, `end`) of the file or of the bytes it was read from; its content begins at `content`.

    `is_cut` says that it claims more bytes than there are.
    """

    kind: bytes
    offset: int
    content: int
    end: int
    is_cut: bool = False


def walk_boxes(file: BinaryIO) -> Iterator[Box]:
    """The boxes of the first level; ends at what is none."""
    position, file_bytes = 0, count_bytes(file)
    for _ in range(_MAX_BOXES):
        box = _measure(read_up_to(file, position, 16), position, file_bytes)
        if box is None:
            return
        yield box
        position = box.end
    raise exceed("boxes", _MAX_BOXES + 1, most=_MAX_BOXES)


def split_boxes(content: bytes, start: int = 0, *, end: int | None = None) -> Iterator[Box]:
    """The boxes in [`start`, `end`) of another one's content.

    Raises:
        InvalidImage: one of them is cut off.
    """
    position, end = start, len(content) if end is None else end
    for _ in range(_MAX_CHILDREN):
        box = _measure(content[position : min(position + 16, end)], position, end)
        if box is None:
            return
        if box.is_cut:
            raise InvalidImage("The picture has a broken box.")
        yield box
        position = box.end
    raise exceed("boxes", _MAX_CHILDREN + 1, most=_MAX_CHILDREN)


def _measure(head: bytes, offset: int, end: int) -> Box | None:
    if len(head) < 8:
        return None
    length, content = be32(head), offset + 8
    if length == 1:
        length, content = int.from_bytes(head[8:16], "big"), offset + 16
    if length == 0:
        length = end - offset
    if offset + length < content:
        return None
    return Box(head[4:8], offset, content, min(offset + length, end), is_cut=offset + length > end)
