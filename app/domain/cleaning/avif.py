"""Cleaning AVIF without moving a coded byte: boxes keep their places, and what the picture does not need is zeroed."""

from typing import BinaryIO

from app.domain.cleaning.avif_items import choose_items, rebuild_meta
from app.domain.cleaning.avif_movie import clean_movie, list_samples
from app.domain.cleaning.copying import copy_masked, copy_range
from app.domain.cleaning.scripts import has_scripts, refuse_scripts
from app.domain.headers.heif_meta import Meta, list_extents, read_meta
from app.domain.headers.isobmff import Box, walk_boxes
from app.domain.headers.limits import exceed
from app.domain.headers.reading import count_bytes, read_at
from app.errors import InvalidImage

_MAX_BRANDS_BYTES = 512
# The tables of 500 frames take about 10 KB.
_MAX_MOVIE_BYTES = 1 << 20
_Range = tuple[int, int]


def clean_avif(source: BinaryIO, target: BinaryIO) -> None:
    """Write the file up to the last byte that its picture (or sequence) needs, without Exif, XMP and thumbnail items.

    The orientation of an AVIF is no EXIF but a property of the picture, and stays.

    Raises:
        InvalidImage: the parts lie where no writer puts them.
    """
    meta, boxes = read_meta(source), list(walk_boxes(source))
    kept = choose_items(meta)
    movie = next((box for box in boxes if box.kind == b"moov" and not box.is_cut), None)
    movie_content = b"" if movie is None else _read_movie(source, movie)
    needed = _list_needed(source, meta, kept, movie_content)
    for start, end in needed:
        refuse_scripts(source, start, end)
    places = [box for box in boxes if _holds_any(box, needed)]
    if any(box.kind in {b"ftyp", b"meta", b"moov"} or box.is_cut for box in places):
        raise InvalidImage("The picture's parts lie where no writer puts them.")
    last = max(box.offset for box in (*places, meta.box, *filter(None, [movie])))
    for box in boxes:
        if box.offset > last:
            return
        if box.kind == b"ftyp" and box.offset == 0:
            _copy_brands(source, target, box)
        elif box == meta.box:
            rebuilt = rebuild_meta(source, meta, kept)
            if has_scripts(rebuilt):
                raise InvalidImage("The picture is full of program text.")
            target.write(rebuilt)
        elif box == movie:
            target.write(read_at(source, box.offset, box.content - box.offset) + clean_movie(movie_content))
        else:
            _copy_needed(source, target, box, needed, is_last=box.offset == last)


def find_avif_end(source: BinaryIO) -> int:
    """Where the last box of the picture ends; whatever follows is none of its own."""
    end = 0
    for box in walk_boxes(source):
        if box.kind in {b"ftyp", b"meta", b"moov", b"mdat"} and (not box.is_cut or box.kind == b"mdat"):
            end = box.end
    return end


def _read_movie(source: BinaryIO, movie: Box) -> bytes:
    length = movie.end - movie.content
    if length > _MAX_MOVIE_BYTES:
        raise exceed("metadataBytes", length, most=_MAX_MOVIE_BYTES)
    return read_at(source, movie.content, length)


def _list_needed(source: BinaryIO, meta: Meta, kept: set[int], movie: bytes) -> list[_Range]:
    # In order and without overlaps. What lies in `idat` is inside of `meta`, which is written as a whole.
    file_bytes = count_bytes(source)
    extents = [
        extent
        for number in kept
        if not meta.items[number].is_in_idat
        for extent in list_extents(meta, meta.items[number])
    ]
    ranges = [(extent.offset, extent.offset + extent.length if extent.length else file_bytes) for extent in extents]
    ranges += list_samples(movie)
    merged: list[_Range] = []
    for start, end in sorted(ranges):
        if end > file_bytes:
            raise InvalidImage("The picture ends in the middle.")
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _holds_any(box: Box, needed: list[_Range]) -> bool:
    return any(start < box.end and end > box.offset for start, end in needed)


def _copy_brands(source: BinaryIO, target: BinaryIO, box: Box) -> None:
    if box.end - box.offset > _MAX_BRANDS_BYTES:
        raise InvalidImage("The picture names too many brands.")
    copy_range(source, target, box.offset, box.end)


def _copy_needed(source: BinaryIO, target: BinaryIO, box: Box, needed: list[_Range], *, is_last: bool) -> None:
    end = box.end
    if is_last:
        end = max(min(last, box.end) for first, last in needed if first < box.end)
    kind = b"mdat" if box.kind == b"mdat" else b"free"
    length = end - box.offset
    if box.content - box.offset == 16:
        target.write(b"\0\0\0\x01" + kind + length.to_bytes(8, "big"))
    elif length < 1 << 32:
        target.write(length.to_bytes(4, "big") + kind)
    else:
        target.write(b"\0\0\0\0" + kind)  # a box of 4 GiB without a long length reaches to the end of the file
    copy_masked(source, target, box.content, end, needed=needed)
