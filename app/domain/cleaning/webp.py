"""Cleaning WebP: the RIFF file written anew around the same coded data."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from app.domain.cleaning.copying import copy_range
from app.domain.cleaning.profiles import MAX_PROFILE_BYTES, trim_profile
from app.domain.cleaning.scripts import refuse_scripts
from app.domain.headers.reading import read_at
from app.domain.headers.webp import (
    BITSTREAMS,
    FIRST_CHUNK,
    FLAG_ALPHA,
    FLAG_ANIMATION,
    FLAG_EXIF,
    FLAG_ICC,
    Chunk,
    find_picture_end,
    walk_chunks,
)
from app.errors import InvalidImage

# Alpha, the picture, and whatever an honest writer may put beside them.
_MAX_FRAME_CHUNKS = 16
_ANIM_BYTES, _FRAME_HEAD_BYTES, _EXTENDED_BYTES = 6, 16, 10


@dataclass(frozen=True, slots=True)
class _Range:
    start: int
    end: int


_Piece = bytes | _Range


def clean_webp(source: BinaryIO, target: BinaryIO, *, exif: bytes) -> None:
    """Write the picture with its colour profile and `exif` only; the flags and lengths say what is really there."""
    chunks = list(walk_chunks(source, FIRST_CHUNK, find_picture_end(source)))
    if not chunks:
        raise InvalidImage("The WebP holds no picture.")
    if chunks[0].kind == b"VP8X":
        pieces = _list_extended_pieces(source, chunks, exif)
    else:
        pieces = list(_list_chunk(chunks[0].kind, [_find_content(chunks[0])]))
    length = 4 + sum(map(_count, pieces))
    for piece in (b"RIFF" + length.to_bytes(4, "little") + b"WEBP", *pieces):
        if isinstance(piece, bytes):
            target.write(piece)
        else:
            refuse_scripts(source, piece.start, piece.end)
            copy_range(source, target, piece.start, piece.end)


def _list_extended_pieces(source: BinaryIO, chunks: list[Chunk], exif: bytes) -> list[_Piece]:
    head = read_at(source, chunks[0].content, _EXTENDED_BYTES)
    is_animation = bool(head[0] & FLAG_ANIMATION)
    profile = _read_profile(source, chunks)
    picture = list(_list_animation(source, chunks) if is_animation else _list_still(chunks))
    flags = head[0] & (FLAG_ALPHA | FLAG_ANIMATION)
    flags |= (FLAG_ICC if profile else 0) | (FLAG_EXIF if exif else 0)
    return [
        *_list_chunk(b"VP8X", [bytes((flags, 0, 0, 0)) + head[4:]]),
        *(_list_chunk(b"ICCP", [profile]) if profile else ()),
        *picture,
        *(_list_chunk(b"EXIF", [exif]) if exif else ()),
    ]


def _list_still(chunks: list[Chunk]) -> Iterator[_Piece]:
    for kinds in ({b"ALPH"}, BITSTREAMS):
        chunk = next((chunk for chunk in chunks if chunk.kind in kinds), None)
        if chunk is not None:
            yield from _list_chunk(chunk.kind, [_find_content(chunk)])


def _list_animation(source: BinaryIO, chunks: list[Chunk]) -> Iterator[_Piece]:
    for chunk in chunks:
        if chunk.kind == b"ANIM":
            yield from _list_chunk(b"ANIM", [_Range(chunk.content, chunk.content + min(chunk.length, _ANIM_BYTES))])
        elif chunk.kind == b"ANMF":
            inner = walk_chunks(source, chunk.content + _FRAME_HEAD_BYTES, chunk.content + chunk.length)
            head = _Range(chunk.content, chunk.content + _FRAME_HEAD_BYTES)
            yield from _list_chunk(b"ANMF", [head, *_list_still(list(islice(inner, _MAX_FRAME_CHUNKS)))])


def _read_profile(source: BinaryIO, chunks: list[Chunk]) -> bytes | None:
    for chunk in chunks:
        if chunk.kind == b"ICCP" and chunk.length <= MAX_PROFILE_BYTES:
            return trim_profile(read_at(source, chunk.content, chunk.length))
    return None


def _list_chunk(kind: bytes, content: list[_Piece]) -> Iterator[_Piece]:
    length = sum(map(_count, content))
    yield kind + length.to_bytes(4, "little")
    yield from content
    if length % 2:
        yield b"\0"


def _find_content(chunk: Chunk) -> _Range:
    return _Range(chunk.content, chunk.content + chunk.length)


def _count(piece: _Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.end - piece.start
