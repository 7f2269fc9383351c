"""The `moov` box of an AVIF sequence: where its frames lie, and the box itself without anything but them."""

from collections.abc import Iterator
from itertools import islice

from app.domain.headers.cursor import Cursor
from app.domain.headers.isobmff import Box, split_boxes
from app.domain.headers.limits import exceed
from app.errors import InvalidImage

_MAX_SAMPLES = 10_000
_MAX_LEVELS = 8
_PICTURE_TRACKS = {b"pict", b"auxv", b"vide"}
# Boxes that hold boxes, each with the bytes that stand before the first of them.
_CONTAINERS = {
    **dict.fromkeys((b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"tref"), 0),
    **{b"stsd": 8, b"dref": 8, b"av01": 78},
}
_LEAVES = {
    *(b"mvhd", b"tkhd", b"elst", b"mdhd", b"hdlr", b"vmhd", b"nmhd", b"url ", b"auxl", b"prem"),
    *(b"stts", b"stsc", b"stsz", b"stco", b"co64", b"stss", b"ctts", b"sdtp", b"sbgp", b"sgpd"),
    *(b"av1C", b"colr", b"pasp", b"clap", b"ccst", b"auxi", b"clli", b"mdcv", b"btrt"),
}
# Places for free text: from here on the content becomes zeros.
_TEXT_FROM = {b"hdlr": 24, b"url ": 4}
_COMPRESSOR_NAME = slice(42, 74)


def list_samples(movie: bytes) -> list[tuple[int, int]]:
    """The ranges of the file in which the frames of all picture tracks lie; `movie` is the content of `moov`.

    Raises:
        InvalidImage: a table of them is broken.
        ImageTooLarge: they are too many.
    """
    return [
        sample
        for track in split_boxes(movie)
        if track.kind == b"trak" and _is_picture_track(movie[track.content : track.end])
        for sample in _list_track_samples(movie[track.content : track.end])
    ]


def clean_movie(movie: bytes) -> bytes:
    """The content of `moov`, as long as before, with empty `free` boxes in place of what no frame needs."""
    cleaned = bytearray(movie)
    for box in split_boxes(movie):
        is_track = box.kind == b"trak" and _is_picture_track(movie[box.content : box.end])
        if is_track or box.kind == b"mvhd":
            _clean_box(cleaned, movie, box, levels_left=_MAX_LEVELS)
        else:
            _blank(cleaned, box)
    return bytes(cleaned)


def _clean_box(cleaned: bytearray, movie: bytes, box: Box, *, levels_left: int) -> None:
    if box.kind in _CONTAINERS and levels_left:
        if box.kind == b"av01" and box.end - box.content >= _COMPRESSOR_NAME.stop:
            name = box.content + _COMPRESSOR_NAME.start
            cleaned[name : name + 32] = bytes(32)
        start = min(box.content + _CONTAINERS[box.kind], box.end)
        for child in split_boxes(movie, start, end=box.end):
            _clean_box(cleaned, movie, child, levels_left=levels_left - 1)
    elif box.kind in _LEAVES:
        start = min(box.content + _TEXT_FROM.get(box.kind, len(movie)), box.end)
        cleaned[start : box.end] = bytes(box.end - start)
    else:
        _blank(cleaned, box)


def _blank(cleaned: bytearray, box: Box) -> None:
    cleaned[box.offset + 4 : box.offset + 8] = b"free"
    cleaned[box.content : box.end] = bytes(box.end - box.content)


def _is_picture_track(track: bytes) -> bool:
    handler = _find_box(_find_box(track, b"mdia"), b"hdlr")
    return handler[8:12] in _PICTURE_TRACKS


def _list_track_samples(track: bytes) -> Iterator[tuple[int, int]]:
    table = _find_box(_find_box(_find_box(track, b"mdia"), b"minf"), b"stbl")
    lengths = iter(_read_lengths(_find_box(table, b"stsz")))
    chunks = _read_chunks(table)
    runs = _read_table(_find_box(table, b"stsc"), (4, 4, 4))
    starts = {first: samples for first, samples, _ in runs}
    per_chunk = 0
    for number, start in enumerate(chunks, 1):
        per_chunk = starts.get(number, per_chunk)
        yield start, start + sum(islice(lengths, per_chunk))
    if next(lengths, 0):
        raise InvalidImage("The picture's list of frames is broken.")


def _read_lengths(content: bytes) -> list[int]:
    cursor = Cursor(content)
    cursor.take_version()
    same, count = cursor.take(4), cursor.take(4)
    if count > _MAX_SAMPLES:
        raise exceed("frames", count, most=_MAX_SAMPLES)
    return [same or cursor.take(4) for _ in range(count)]


def _read_chunks(table: bytes) -> list[int]:
    if long_offsets := _find_box(table, b"co64"):
        return [offset for (offset,) in _read_table(long_offsets, (8,))]
    return [offset for (offset,) in _read_table(_find_box(table, b"stco"), (4,))]


def _read_table(content: bytes, widths: tuple[int, ...]) -> list[tuple[int, ...]]:
    cursor = Cursor(content)
    cursor.take_version()
    count = cursor.take(4)
    if count > _MAX_SAMPLES:
        raise exceed("frames", count, most=_MAX_SAMPLES)
    return [tuple(cursor.take(width) for width in widths) for _ in range(count)]


def _find_box(content: bytes, kind: bytes) -> bytes:
    for box in split_boxes(content):
        if box.kind == kind:
            return content[box.content : box.end]
    return b""
