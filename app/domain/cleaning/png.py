"""Cleaning PNG and APNG, and rebuilding a PNG for the decoder: chunks by allow-list."""

import zlib
from itertools import pairwise
from typing import BinaryIO

from app.domain.cleaning.copying import PIECE_BYTES, copy_range
from app.domain.cleaning.profiles import MAX_PROFILE_BYTES, trim_profile
from app.domain.cleaning.scripts import find_breaks, refuse_scripts
from app.domain.headers.png import SIGNATURE, Chunk, Header, inflate, read_header, walk_chunks
from app.domain.headers.reading import be32, count_bytes, read_at
from app.errors import InvalidImage

# What tells how the samples are meant, with the most bytes that each can have.
_MEANING = {b"PLTE": 768, b"tRNS": 256, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}
_FOR_VIEWERS = _MEANING | {b"sBIT": 4, b"bKGD": 6, b"pHYs": 9, b"mDCV": 24, b"cLLI": 8, b"acTL": 8}
_CONTROL, _CONTROL_BYTES = b"fcTL", 26
_SEQUENCE_BYTES = 4
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Some encoders code a row too many; no decoder minds.
_SPARE_BYTES = 1 << 16


def clean_png(source: BinaryIO, target: BinaryIO, *, exif: bytes) -> None:
    """Write the picture, still moving where it moves, with its colours and `exif` only.

    What stands in IDAT or fdAT behind the end of the coded data is cut off, for which it is inflated once.

    Raises:
        InvalidImage: the coded data holds far more than the picture, or program text cannot be broken up.
    """
    header = read_header(source)
    coded = _CodedData(source, header)
    target.write(SIGNATURE)
    seen: set[bytes] = set()
    for chunk in walk_chunks(source):
        if chunk.kind == b"IHDR" and chunk.kind not in seen:
            copy_range(source, target, chunk.offset, chunk.end)
            if exif:
                _write_chunk(target, b"eXIf", exif)
        elif chunk.kind == b"iCCP" and chunk.kind not in seen:
            _write_profile(source, target, chunk)
        elif chunk.kind in {b"IDAT", b"fdAT"}:
            coded.copy(target, chunk)
        elif chunk.kind == _CONTROL and chunk.length == _CONTROL_BYTES:
            coded.begin_frame(chunk)
            copy_range(source, target, chunk.offset, chunk.end)
        elif chunk.kind not in seen and chunk.length <= _FOR_VIEWERS.get(chunk.kind, -1):
            refuse_scripts(source, chunk.content, chunk.end)
            copy_range(source, target, chunk.offset, chunk.end)
        seen.add(chunk.kind)
    _write_chunk(target, b"IEND", b"")


def rebuild_png(source: BinaryIO, target: BinaryIO) -> None:
    """Write the first picture with nothing but what its decoding needs: no text, no unknown chunk, no other frame."""
    read_header(source)
    target.write(SIGNATURE)
    seen: set[bytes] = set()
    for chunk in walk_chunks(source):
        is_new = chunk.kind not in seen
        if chunk.kind == b"IDAT" or (is_new and chunk.kind == b"IHDR"):
            copy_range(source, target, chunk.offset, chunk.end)
        elif is_new and chunk.kind == b"iCCP":
            _write_profile(source, target, chunk)
        elif is_new and chunk.length <= _MEANING.get(chunk.kind, -1):
            copy_range(source, target, chunk.offset, chunk.end)
        seen.add(chunk.kind)
    _write_chunk(target, b"IEND", b"")


def find_png_end(source: BinaryIO) -> int:
    """Where IEND ends, or the last whole chunk."""
    end = len(SIGNATURE)
    for chunk in walk_chunks(source):
        end = chunk.end
    return min(end, count_bytes(source))


class _CodedData:
    """Copies IDAT and fdAT chunks, and finds by inflating them where each frame's coded data ends."""

    def __init__(self, source: BinaryIO, header: Header) -> None:
        self._source = source
        self._header = header
        self._begin(header.width_px, header.height_px)

    def begin_frame(self, control: Chunk) -> None:
        """A new frame's coded data follows, of the size in its fcTL."""
        content = read_at(self._source, control.content, 20)
        width_px, height_px, left_px, top_px = (be32(content, place) for place in (4, 8, 12, 16))
        if left_px + width_px > self._header.width_px or top_px + height_px > self._header.height_px:
            raise InvalidImage("A frame of the PNG is larger than its canvas.")
        self._begin(width_px, height_px)

    def copy(self, target: BinaryIO, chunk: Chunk) -> None:
        """Write the chunk up to the end of the coded data; wholly if that is not in it."""
        head_bytes = _SEQUENCE_BYTES if chunk.kind == b"fdAT" else 0
        start = chunk.content + head_bytes
        used = self._count_used(start, chunk.content + chunk.length)
        breaks = find_breaks(self._source, start, start + used)
        if head_bytes and breaks:
            raise InvalidImage("The PNG is full of program text.")  # frames are numbered: no chunk can be put between
        if not breaks and start + used == chunk.content + chunk.length:
            copy_range(self._source, target, chunk.offset, chunk.end)
        elif used or head_bytes:
            # An fdAT of no data must stay: the numbers may have no gap.
            borders = [chunk.content, *breaks, start + used]
            for piece_start, piece_end in pairwise(borders):
                _copy_piece(self._source, target, chunk.kind, piece_start, piece_end)

    def _begin(self, width_px: int, height_px: int) -> None:
        row_bits = width_px * _SAMPLES[self._header.color] * self._header.depth
        # Seven passes have at most twice the rows, and a filter byte each.
        self._most_bytes = height_px * ((row_bits + 7) // 8 + 2) * 2 + _SPARE_BYTES
        self._inflater = zlib.decompressobj()
        self._is_broken = False

    def _count_used(self, start: int, end: int) -> int:
        position = start
        while position < end and not self._inflater.eof and not self._is_broken:
            piece = read_at(self._source, position, min(PIECE_BYTES, end - position))
            self._inflate(piece)
            position += len(piece) - len(self._inflater.unused_data)
        # Broken data is not ours to judge: the decoder shows what it can.
        return end - start if self._is_broken else position - start

    def _inflate(self, piece: bytes) -> None:
        try:
            while piece:
                inflated = self._inflater.decompress(piece, PIECE_BYTES)
                self._most_bytes -= len(inflated)
                piece = self._inflater.unconsumed_tail
                if self._most_bytes < 0:
                    raise InvalidImage("The PNG's coded data holds more than the picture.")
        except zlib.error:
            self._is_broken = True


def _write_profile(source: BinaryIO, target: BinaryIO, chunk: Chunk) -> None:
    # Written anew, because a name of up to 79 free bytes stands before it.
    if chunk.length > MAX_PROFILE_BYTES:
        return
    _, _, rest = read_at(source, chunk.content, chunk.length).partition(b"\0")
    profile = inflate(rest[1:], max_bytes=MAX_PROFILE_BYTES)
    if trimmed := trim_profile(profile or b""):
        _write_chunk(target, b"iCCP", b"icc\0\0" + zlib.compress(trimmed))


def _copy_piece(source: BinaryIO, target: BinaryIO, kind: bytes, start: int, end: int) -> None:
    crc = zlib.crc32(kind)
    target.write((end - start).to_bytes(4, "big") + kind)
    for offset in range(start, end, PIECE_BYTES):
        piece = read_at(source, offset, min(PIECE_BYTES, end - offset))
        crc = zlib.crc32(piece, crc)
        target.write(piece)
    target.write(crc.to_bytes(4, "big"))


def _write_chunk(target: BinaryIO, kind: bytes, content: bytes) -> None:
    crc = zlib.crc32(content, zlib.crc32(kind))
    target.write(len(content).to_bytes(4, "big") + kind + content + crc.to_bytes(4, "big"))
