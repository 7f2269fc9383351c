"""GIF: a walk from block to block; the length bytes of the coded data are followed, the data itself is not read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import BinaryIO

from app.domain.formats import ImageFormat
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.limits import check_canvas, check_frames, exceed
from app.domain.headers.reading import le16, read_at, read_up_to, walk_windows
from app.errors import InvalidImage

SCREEN_END = 13
"""Signature and logical screen descriptor, in bytes."""

# 255 bytes each make 255 MB; smaller pieces than that are an attack on whoever follows them.
_MAX_PIECES = 1_000_000
_MAX_BLOCKS = 50_000
_MAX_WINDOW_BYTES = 1 << 16
_INTRODUCERS = re.compile(rb"[!,;]")


class BlockKind(Enum):
    """What a block is for."""

    IMAGE = auto()
    CONTROL = auto()
    APPLICATION = auto()
    OTHER = auto()
    TRAILER = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """[`offset`, `end`) of the file; of an image, the chain of length-led pieces begins at `pieces`.

    `end` is None where the file ends inside the block.
    """

    kind: BlockKind
    offset: int
    pieces: int
    end: int | None


def walk_blocks(file: BinaryIO) -> Iterator[Block]:
    """Every block behind the screen descriptor and its colours, up to the trailer or the end of the file.

    Garbage between blocks is passed over, as ImageMagick does: a frame behind it must be counted too.

    Raises:
        ImageTooLarge: too many blocks, or a block in too many pieces.
    """
    position, pieces_left = find_screen_end(file), _MAX_PIECES
    for _ in range(_MAX_BLOCKS):
        offset = _find_introducer(file, position)
        if offset is None:
            return
        head = read_up_to(file, offset, 10)
        kind, pieces = _classify(head, offset)
        if kind is BlockKind.TRAILER:
            yield Block(kind, offset, pieces, pieces)
            return
        end, used = _follow_pieces(file, pieces, pieces_left)
        yield Block(kind, offset, pieces, end)
        if end is None:
            return
        position, pieces_left = end, pieces_left - used
    raise exceed("blocks", _MAX_BLOCKS + 1, most=_MAX_BLOCKS)


def read_facts(file: BinaryIO, *, budget: Budget) -> HeaderFacts:
    """What a GIF's blocks say; raises as `probe` does."""
    screen = read_at(file, 0, SCREEN_END)
    width_px, height_px = le16(screen, 6), le16(screen, 8)
    if width_px and height_px:
        check_canvas(width_px, height_px, budget=budget)
    frames, has_alpha = 0, False
    for block in walk_blocks(file):
        if block.kind is BlockKind.CONTROL:
            has_alpha |= bool(read_up_to(file, block.offset, 4)[3:] and read_at(file, block.offset + 3, 1)[0] & 1)
        if block.end is None:
            raise InvalidImage("The GIF ends in the middle.")
        if block.kind is not BlockKind.IMAGE:
            continue
        frames += 1
        right_px, bottom_px = _check_frame(file, block, budget)
        if not (width_px and height_px):  # browsers take the first frame where the screen has no size
            width_px, height_px = right_px, bottom_px
        check_frames(frames, width_px, height_px, budget=budget)
    if not frames:
        raise InvalidImage("The GIF holds no picture.")
    return HeaderFacts(ImageFormat.GIF, width_px, height_px, frames=frames, has_alpha=has_alpha)


def find_screen_end(file: BinaryIO) -> int:
    """Where the first block begins: behind the descriptor and the global colours."""
    return SCREEN_END + _count_color_bytes(read_at(file, 10, 1)[0])


def _check_frame(file: BinaryIO, block: Block, budget: Budget) -> tuple[int, int]:
    head = read_at(file, block.offset, 10)
    width_px, height_px = le16(head, 5), le16(head, 7)
    check_canvas(width_px, height_px, budget=budget)
    return le16(head, 1) + width_px, le16(head, 3) + height_px


def _classify(head: bytes, offset: int) -> tuple[BlockKind, int]:
    if head[:1] == b";":
        return BlockKind.TRAILER, offset + 1
    if head[:1] == b"!":
        kinds = {b"\xf9": BlockKind.CONTROL, b"\xff": BlockKind.APPLICATION}
        return kinds.get(head[1:2], BlockKind.OTHER), offset + 2
    if len(head) < 10:
        return BlockKind.OTHER, offset + 10
    # Behind the descriptor and the local colours stands one byte, the size of the first code.
    return BlockKind.IMAGE, offset + 10 + _count_color_bytes(head[9]) + 1


def _follow_pieces(file: BinaryIO, position: int, most: int) -> tuple[int | None, int]:
    pieces, window_bytes = 0, 256
    while window := read_up_to(file, position, window_bytes):
        at, window_size = 0, len(window)
        while at < window_size:
            length = window[at]
            if not length:
                return position + at + 1, pieces
            at += length + 1
            pieces += 1
        if pieces > most:
            raise exceed("blocks", _MAX_PIECES + 1, most=_MAX_PIECES)
        position += at
        window_bytes = min(4 * window_bytes, _MAX_WINDOW_BYTES)
    return None, pieces


def _find_introducer(file: BinaryIO, position: int) -> int | None:
    if read_up_to(file, position, 1) in {b"!", b",", b";"}:
        return position
    for offset, window in walk_windows(file, position):
        if found := _INTRODUCERS.search(window):
            return offset + found.start()
    return None


def _count_color_bytes(packed: int) -> int:
    return 3 << ((packed & 0x07) + 1) if packed & 0x80 else 0
