"""Cleaning JPEG: the segments that make the picture, and the few that tell how it is meant, in a fixed order."""

from typing import BinaryIO

from app.domain.cleaning.copying import copy_range
from app.domain.cleaning.profiles import trim_profile
from app.domain.cleaning.scripts import refuse_scripts
from app.domain.headers.jpeg import (
    APP0,
    APP1,
    APP2,
    APP14,
    CODED,
    DHT,
    DNL,
    DQT,
    DRI,
    EOI,
    FRAMES,
    ICC_PREFIX,
    SOS,
    Segment,
    starts_with,
    walk_segments,
)
from app.domain.headers.reading import count_bytes, read_at

_PICTURE = {*FRAMES, CODED, DHT, DNL, DQT, DRI, SOS}
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_JFIF, _ADOBE, _MULTI_PICTURE = b"JFIF\0", b"Adobe", b"MPF\0"
_ICC_HEAD_BYTES = len(ICC_PREFIX) + 2
_MAX_ICC_PIECE_BYTES = 65_533 - _ICC_HEAD_BYTES


def clean_jpeg(source: BinaryIO, target: BinaryIO, *, exif: bytes) -> None:
    """Write the picture with JFIF (without its thumbnail), Adobe's colour transform, colour profile and `exif` only.

    The coded data is copied as it is; whatever follows its EOI is not.

    Raises:
        InvalidImage: there is program text in the coded data.
    """
    segments = list(walk_segments(source))
    target.write(_SOI)
    _write_jfif(source, target, segments)
    if exif:
        _write_segment(target, APP1, b"Exif\0\0" + exif)
    _write_profile(source, target, segments)
    _write_adobe(source, target, segments)
    for segment in segments:
        if segment.marker in _PICTURE:
            refuse_scripts(source, segment.offset, segment.end)
            copy_range(source, target, segment.offset, segment.end)
    target.write(_EOI)


def cut_jpeg(source: BinaryIO, target: BinaryIO) -> None:
    """Write everything up to the first picture's EOI, but for the list of the pictures that followed it."""
    position, end = 0, count_bytes(source)
    for segment in walk_segments(source):
        if segment.marker == EOI:
            end = segment.end
        elif starts_with(source, segment, marker=APP2, prefix=_MULTI_PICTURE):
            copy_range(source, target, position, segment.offset)
            position = segment.end
    copy_range(source, target, position, end)


def _write_jfif(source: BinaryIO, target: BinaryIO, segments: list[Segment]) -> None:
    for segment in segments:
        if segment.content_bytes >= 14 and starts_with(source, segment, marker=APP0, prefix=_JFIF):
            # Two zero bytes stand for a thumbnail of no size.
            _write_segment(target, APP0, read_at(source, segment.content, 12) + b"\0\0")
            return


def _write_adobe(source: BinaryIO, target: BinaryIO, segments: list[Segment]) -> None:
    for segment in segments:
        if segment.content_bytes >= 12 and starts_with(source, segment, marker=APP14, prefix=_ADOBE):
            _write_segment(target, APP14, read_at(source, segment.content, 12))
            return


def _write_profile(source: BinaryIO, target: BinaryIO, segments: list[Segment]) -> None:
    pieces: dict[int, bytes] = {}
    for segment in segments:
        if segment.content_bytes > _ICC_HEAD_BYTES and starts_with(source, segment, marker=APP2, prefix=ICC_PREFIX):
            content = read_at(source, segment.content, segment.content_bytes)
            pieces.setdefault(content[len(ICC_PREFIX)], content[_ICC_HEAD_BYTES:])
    profile = trim_profile(b"".join(pieces[number] for number in sorted(pieces)))
    if profile is None:
        return
    starts = range(0, len(profile), _MAX_ICC_PIECE_BYTES)
    for number, start in enumerate(starts, 1):
        piece = profile[start : start + _MAX_ICC_PIECE_BYTES]
        _write_segment(target, APP2, ICC_PREFIX + bytes((number, len(starts))) + piece)


def _write_segment(target: BinaryIO, marker: int, content: bytes) -> None:
    target.write(bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content)
