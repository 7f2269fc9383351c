"""Cleaning GIF: frames, their timing and the loop; no comment, no text, no other program's block."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from app.domain.cleaning.copying import copy_range
from app.domain.cleaning.scripts import break_scripts, find_breaks, refuse_scripts
from app.domain.headers.gif import Block, BlockKind, find_screen_end, walk_blocks
from app.domain.headers.reading import count_bytes, read_at, read_up_to
from app.errors import InvalidImage

_CONTROL_BYTES = 8
_LOOP_HEADS = (b"!\xff\x0bNETSCAPE2.0\x03\x01", b"!\xff\x0bANIMEXTS1.0\x03\x01")
_LOOP_HEAD_BYTES = 16
_TRAILER = b";"
_MAX_BROKEN_BYTES = 4 << 20


def clean_gif(source: BinaryIO, target: BinaryIO) -> None:
    """Write screen, colours, loop and frames; a frame that the file cuts off is closed, and a trailer ends it all.

    Raises:
        InvalidImage: no frame is left, or the coded data is full of program text.
    """
    refuse_scripts(source, 0, find_screen_end(source))
    copy_range(source, target, 0, find_screen_end(source))
    control, has_loop, frames = b"", False, 0
    for block in walk_blocks(source):
        if block.kind is BlockKind.CONTROL:
            control = _read_control(source, block)
        elif block.kind is BlockKind.APPLICATION and not has_loop:
            has_loop = _copy_loop(source, target, block)
        elif block.kind is BlockKind.IMAGE:
            frames += _copy_frame(source, target, block, control=control)
            control = b""
    if not frames:
        raise InvalidImage("The GIF holds no picture.")
    target.write(_TRAILER)


def find_gif_end(source: BinaryIO) -> int:
    """Where the trailer ends, or the file."""
    for block in walk_blocks(source):
        if block.kind is BlockKind.TRAILER and block.end is not None:
            return block.end
    return count_bytes(source)


def _read_control(source: BinaryIO, block: Block) -> bytes:
    if block.end is None or block.end - block.offset != _CONTROL_BYTES:
        return b""
    return read_at(source, block.offset, _CONTROL_BYTES)


def _copy_loop(source: BinaryIO, target: BinaryIO, block: Block) -> bool:
    head = read_up_to(source, block.offset, _LOOP_HEAD_BYTES + 2)
    if not head.startswith(_LOOP_HEADS) or len(head) < _LOOP_HEAD_BYTES + 2:
        return False
    target.write(head + b"\0")
    return True


def _copy_frame(source: BinaryIO, target: BinaryIO, block: Block, *, control: bytes) -> bool:
    if block.pieces >= count_bytes(source):
        return False
    target.write(control)
    refuse_scripts(source, block.offset, block.pieces)
    copy_range(source, target, block.offset, block.pieces)
    if block.end is None:
        _copy_cut_pieces(source, target, block.pieces)
    elif find_breaks(source, block.pieces, block.end):
        _copy_broken_pieces(source, target, block.pieces, block.end)
    else:
        copy_range(source, target, block.pieces, block.end)
    return True


def _copy_cut_pieces(source: BinaryIO, target: BinaryIO, position: int) -> None:
    for content in _walk_pieces(source, position):
        _write_piece(target, content)
    target.write(b"\0")


def _copy_broken_pieces(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    if end - start > _MAX_BROKEN_BYTES:
        raise InvalidImage("The GIF is full of program text.")
    content, broken = b"".join(_walk_pieces(source, start)), io.BytesIO()
    for piece in break_scripts(content, max_piece_bytes=255):
        _write_piece(broken, piece)
    if find_breaks(broken, 0, broken.tell()):  # the new length bytes are letters too
        raise InvalidImage("The GIF is full of program text.")
    target.write(broken.getvalue() + b"\0")


def _walk_pieces(source: BinaryIO, position: int) -> Iterator[bytes]:
    while (piece := read_up_to(source, position, 256)) and piece[0]:
        yield piece[1 : 1 + piece[0]]
        position += 1 + piece[0]


def _write_piece(target: BinaryIO, content: bytes) -> None:
    if content:
        target.write(bytes((len(content),)) + content)
