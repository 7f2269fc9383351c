"""PNG and APNG: a walk from chunk to chunk that reads no pixel; an APNG counts as the still it shows first.

Its frames must keep to the budget all the same, because browsers play them.
"""

import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.domain.formats import ImageFormat
from app.domain.headers import tiff
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.limits import check_canvas, check_frames, exceed
from app.domain.headers.reading import be32, count_bytes, read_at
from app.errors import InvalidImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# One chunk of 8 KiB after another is 800 MB: only an attack has more.
_MAX_CHUNKS = 100_000
_MAX_TEXT_CHUNK_BYTES = 1 << 20
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_PALETTE, _ALPHA_KINDS = 3, {4, 6}
# ImageMagick and exiftool hid EXIF as hexadecimal text before PNG had a chunk for it.
_RAW_EXIF = re.compile(rb"Raw profile type (?:exif|APP1)\0")
_RAW_PROFILE = re.compile(rb"\s*(?:exif|APP1|app1|generic profile)\s+\d+\s+([0-9a-fA-F\s]+)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: 8 bytes of head, `length` bytes from `content` on, and a checksum of 4."""

    kind: bytes
    content: int
    length: int

    @property
    def offset(self) -> int:
        """Where its length field begins."""
        return self.content - 8

    @property
    def end(self) -> int:
        """Where the next chunk begins."""
        return self.content + self.length + 4


@dataclass(frozen=True, slots=True)
class Header:
    """IHDR: sides in pixels, bits a sample, colour type, and whether the rows come in seven passes."""

    width_px: int
    height_px: int
    depth: int
    color: int
    is_interlaced: bool


def walk_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Every chunk up to IEND, which is the last; ends without it where the file does.

    Raises:
        InvalidImage: a chunk is cut off.
        ImageTooLarge: too many chunks.
    """
    position, file_bytes = len(SIGNATURE), count_bytes(file)
    for _ in range(_MAX_CHUNKS):
        if position + 12 > file_bytes:
            return
        head = read_at(file, position, 8)
        chunk = Chunk(head[4:], position + 8, be32(head))
        if chunk.end > file_bytes:
            raise InvalidImage("The PNG ends in the middle.")
        yield chunk
        if chunk.kind == b"IEND":
            return
        position = chunk.end
    raise exceed("chunks", _MAX_CHUNKS + 1, most=_MAX_CHUNKS)


def read_facts(file: BinaryIO, *, budget: Budget) -> HeaderFacts:
    """What a PNG's chunks say; raises as `probe` does."""
    header = read_header(file)
    check_canvas(header.width_px, header.height_px, budget=budget)
    kinds: set[bytes] = set()
    frames = 0
    for chunk in walk_chunks(file):
        kinds.add(chunk.kind)
        frames += chunk.kind == b"fcTL"
        check_frames(max(frames, 1), header.width_px, header.height_px, budget=budget)
    if b"IDAT" not in kinds or (header.color == _PALETTE and b"PLTE" not in kinds):
        raise InvalidImage("The PNG holds no picture.")
    exif = find_exif(file) if kinds & {b"eXIf", b"zTXt", b"tEXt"} else None
    facts = HeaderFacts(ImageFormat.PNG, header.width_px, header.height_px)
    return replace(
        facts,
        orientation=tiff.find_orientation(exif or b""),
        has_alpha=header.color in _ALPHA_KINDS or b"tRNS" in kinds,
        has_icc_profile=b"iCCP" in kinds,
    )


def read_header(file: BinaryIO) -> Header:
    """IHDR, which must be the first chunk.

    Raises:
        InvalidImage: there is none, or it describes no PNG.
    """
    head = read_at(file, len(SIGNATURE), 25)
    if head[:8] != b"\0\0\0\x0dIHDR":
        raise InvalidImage("The PNG does not begin with its header.")
    depth, color, compression, filters, interlace = head[16:21]
    if depth not in _DEPTHS.get(color, ()) or compression or filters or interlace > 1:
        raise InvalidImage("The PNG is of a kind that does not exist.")
    return Header(be32(head, 8), be32(head, 12), depth, color, interlace == 1)


def find_exif(file: BinaryIO) -> bytes | None:
    """The EXIF block, from eXIf or else from the text chunk where older programs hid it."""
    raw: Chunk | None = None
    for chunk in walk_chunks(file):
        if chunk.length > _MAX_TEXT_CHUNK_BYTES:
            continue
        if chunk.kind == b"eXIf":
            return read_at(file, chunk.content, chunk.length)
        # Only the first is inflated: a file may hold 100,000 of them.
        if raw is None and chunk.kind in {b"zTXt", b"tEXt"} and _RAW_EXIF.match(_read_keyword(file, chunk)):
            raw = chunk
    return None if raw is None else _read_raw_exif(file, raw)


def inflate(compressed: bytes, *, max_bytes: int) -> bytes | None:
    """The bytes behind a zlib stream, or None where it is broken or holds more than `max_bytes`."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(compressed, max_bytes)
    except zlib.error:
        return None
    return content if inflater.eof else None


def _read_keyword(file: BinaryIO, chunk: Chunk) -> bytes:
    return read_at(file, chunk.content, min(chunk.length, 32))


def _read_raw_exif(file: BinaryIO, chunk: Chunk) -> bytes | None:
    _, _, rest = read_at(file, chunk.content, chunk.length).partition(b"\0")
    text = inflate(rest[1:], max_bytes=2 * tiff.MAX_BLOCK_BYTES) if chunk.kind == b"zTXt" else rest
    if text is None or not (profile := _RAW_PROFILE.match(text)):
        return None
    digits = b"".join(profile[1].split())
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])
