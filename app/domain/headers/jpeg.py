"""JPEG: a walk from marker to marker, through the coded data too, because only there the scans can be counted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.domain.formats import ImageFormat
from app.domain.headers import tiff
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.limits import check_canvas, exceed
from app.domain.headers.reading import be16, count_bytes, read_at, read_up_to, walk_windows
from app.errors import InvalidImage

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
DHT, DQT, DRI, DNL = 0xC4, 0xDB, 0xDD, 0xDC
APP0, APP1, APP2, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
FRAMES = {0xC0, 0xC1, 0xC2}
"""SOF0 to SOF2: baseline, extended, progressive; all that browsers show."""
CODED = -1
"""Stands as `marker` for the coded data behind an SOS."""

EXIF_PREFIX = b"Exif\0"
ICC_PREFIX = b"ICC_PROFILE\0"

# As reliability asks: a photograph has 1 to 12 scans and a few hundred KB of metadata.
_MAX_SCANS = 100
_MAX_METADATA_BYTES = 4 << 20
# Far above what any writer needs (about 30, and 350 for the largest metadata in 64 KiB pieces).
_MAX_SEGMENTS = 20_000

_ALONE = {0x01, *range(0xD0, 0xD8)}  # TEM and the restart markers have no content
_KNOWN = {*FRAMES, DHT, DQT, DRI, DNL, SOS, COM, *range(0xE0, 0xF0)}
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
# In coded data 0xFF 0x00 is a stuffed byte and the restart markers are part of it.
_END_OF_CODED = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the file: [`offset`, `end`) with its marker, [`content`, `end`) without it and its length."""

    marker: int
    offset: int
    content: int
    end: int

    @property
    def content_bytes(self) -> int:
        """Length without marker and length field."""
        return self.end - self.content


def walk_segments(file: BinaryIO) -> Iterator[Segment]:
    """Every segment behind SOI up to EOI; garbage between segments is passed over, as libjpeg does.

    Ends without EOI where the file does.

    Raises:
        InvalidImage: a segment is cut off, or a marker is none that a picture has.
    """
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _find_marker(file, position)
        if found is None:
            return
        offset, marker = found
        if marker == EOI:
            yield Segment(EOI, offset, offset + 2, offset + 2)
            return
        position = offset + 2
        if marker in _ALONE:
            continue
        segment = _measure(file, offset, marker)
        yield segment
        position = segment.end
        if marker == SOS:
            position = _find_end_of_coded(file, segment.end)
            yield Segment(CODED, segment.end, segment.end, position)
    raise exceed("segments", _MAX_SEGMENTS + 1, most=_MAX_SEGMENTS)


def read_facts(file: BinaryIO, *, budget: Budget) -> HeaderFacts:
    """What a JPEG's markers say; raises as `probe` does."""
    facts: HeaderFacts | None = None
    exif, has_icc_profile, is_whole, scans, metadata_bytes = b"", False, False, 0, 0
    for segment in walk_segments(file):
        if segment.marker in FRAMES:
            if facts is not None:
                raise InvalidImage("The JPEG has two frames.")
            facts = _read_frame(file, segment, budget)
        elif segment.marker == SOS:
            scans += 1
            if scans > _MAX_SCANS:
                raise exceed("scans", scans, most=_MAX_SCANS)
        elif segment.marker == EOI:
            is_whole = True
        elif segment.marker >= APP0:
            metadata_bytes += segment.end - segment.offset
            if metadata_bytes > _MAX_METADATA_BYTES:
                raise exceed("metadataBytes", metadata_bytes, most=_MAX_METADATA_BYTES)
            if not exif and starts_with(file, segment, marker=APP1, prefix=EXIF_PREFIX):
                exif = read_at(file, segment.content, segment.content_bytes)
            has_icc_profile |= starts_with(file, segment, marker=APP2, prefix=ICC_PREFIX)
    if facts is None or not scans:
        raise InvalidImage("The JPEG holds no picture.")
    if not is_whole:
        # Decoders make grey of what is missing, and say nothing: nobody wants to find that later.
        raise InvalidImage("The JPEG ends in the middle.")
    return replace(facts, orientation=tiff.find_orientation(exif), has_icc_profile=has_icc_profile)


def find_exif(file: BinaryIO) -> bytes | None:
    """The first EXIF block in front of the coded data."""
    for segment in walk_segments(file):
        if segment.marker == SOS:
            return None
        if starts_with(file, segment, marker=APP1, prefix=EXIF_PREFIX):
            return read_at(file, segment.content, segment.content_bytes)
    return None


def starts_with(file: BinaryIO, segment: Segment, *, marker: int, prefix: bytes) -> bool:
    """Has the segment this marker, and does its content begin so?"""
    if segment.marker != marker or segment.content_bytes < len(prefix):
        return False
    return read_at(file, segment.content, len(prefix)) == prefix


def _read_frame(file: BinaryIO, segment: Segment, budget: Budget) -> HeaderFacts:
    head = read_at(file, segment.content, 6)
    bits, height_px, width_px, components = head[0], be16(head, 1), be16(head, 3), head[5]
    if bits != 8 or components not in {1, 3, 4} or segment.content_bytes != 6 + 3 * components:
        raise InvalidImage("The JPEG is of a kind that is not taken.")
    check_canvas(width_px, height_px, budget=budget)
    return HeaderFacts(ImageFormat.JPEG, width_px, height_px)


def _measure(file: BinaryIO, offset: int, marker: int) -> Segment:
    if marker not in _KNOWN:
        raise InvalidImage("The JPEG is of a kind that is not taken.", details={"marker": f"0xFF{marker:02X}"})
    length = be16(read_at(file, offset + 2, 2))
    if length < 2:
        raise InvalidImage("The JPEG has a broken segment.")
    end = offset + 2 + length
    read_at(file, end - 1, 1)
    return Segment(marker, offset, offset + 4, end)


def _find_marker(file: BinaryIO, position: int) -> tuple[int, int] | None:
    near = read_up_to(file, position, 2)
    if len(near) == 2 and near[0] == 0xFF and near[1] not in {0x00, 0xFF}:
        return position, near[1]
    offset = _search(file, position, _MARKER)
    return None if offset is None else (offset, read_at(file, offset + 1, 1)[0])


def _find_end_of_coded(file: BinaryIO, position: int) -> int:
    offset = _search(file, position, _END_OF_CODED)
    return count_bytes(file) if offset is None else offset


def _search(file: BinaryIO, position: int, pattern: re.Pattern[bytes]) -> int | None:
    # The last byte of a window may be the 0xFF of a marker that goes on in the next.
    for offset, window in walk_windows(file, position, overlap=1):
        if found := pattern.search(window):
            return offset + found.start()
    return None
