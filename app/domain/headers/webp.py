"""WebP: a walk through the chunks of its RIFF file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.domain.formats import ImageFormat
from app.domain.headers import tiff
from app.domain.headers.facts import Budget, HeaderFacts
from app.domain.headers.limits import check_canvas, check_frames, exceed
from app.domain.headers.reading import count_bytes, le16, le24, le32, read_at
from app.errors import InvalidImage

FIRST_CHUNK = 12
FLAG_ICC, FLAG_ALPHA, FLAG_EXIF, FLAG_XMP, FLAG_ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
BITSTREAMS = {b"VP8 ", b"VP8L"}

_MAX_CHUNKS = 20_000
_VP8L_SIGNATURE = 0x2F


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk whose content lies at [`content`, `content` + `length`), led by 8 bytes, padded to an even length."""

    kind: bytes
    content: int
    length: int

    @property
    def end(self) -> int:
        """Where the next chunk begins."""
        return self.content + self.length + self.length % 2


def walk_chunks(file: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """Every whole chunk in [`start`, `end`) of the file.

    Raises:
        InvalidImage: a chunk of the picture itself is cut off; another one that is ends the walk.
        ImageTooLarge: too many chunks.
    """
    for _ in range(_MAX_CHUNKS):
        if start + 8 > end:
            return
        head = read_at(file, start, 8)
        chunk = Chunk(head[:4], start + 8, le32(head, 4))
        if chunk.content + chunk.length > end:
            if chunk.kind in BITSTREAMS | {b"ANMF", b"ALPH", b"VP8X"}:
                raise InvalidImage("The WebP ends in the middle.")
            return
        yield chunk
        start = chunk.end
    raise exceed("chunks", _MAX_CHUNKS + 1, most=_MAX_CHUNKS)


def find_picture_end(file: BinaryIO) -> int:
    """Where the RIFF file says that it ends, or where it really does."""
    return min(8 + le32(read_at(file, 4, 4)), count_bytes(file))


def read_facts(file: BinaryIO, *, budget: Budget) -> HeaderFacts:
    """What a WebP's chunks say; raises as `probe` does."""
    chunks = walk_chunks(file, FIRST_CHUNK, find_picture_end(file))
    first = next(chunks, None)
    if first is None or first.kind not in BITSTREAMS | {b"VP8X"}:
        raise InvalidImage("The WebP holds no picture.")
    if first.kind != b"VP8X":
        width_px, height_px, has_alpha = read_bitstream_size(file, first)
        check_canvas(width_px, height_px, budget=budget)
        return HeaderFacts(ImageFormat.WEBP, width_px, height_px, has_alpha=has_alpha)
    return _read_extended(file, first, chunks, budget)


def find_exif(file: BinaryIO) -> bytes | None:
    """The EXIF chunk's content."""
    for chunk in walk_chunks(file, FIRST_CHUNK, find_picture_end(file)):
        if chunk.kind == b"EXIF" and chunk.length <= tiff.MAX_BLOCK_BYTES:
            return read_at(file, chunk.content, chunk.length)
    return None


def read_bitstream_size(file: BinaryIO, chunk: Chunk) -> tuple[int, int, bool]:
    """Width and height in pixels of a VP8 or VP8L chunk, and whether it has alpha in itself.

    Raises:
        InvalidImage: it does not begin like one.
    """
    if chunk.kind == b"VP8 " and chunk.length >= 10:
        head = read_at(file, chunk.content, 10)
        is_key_frame = not head[0] & 1
        if is_key_frame and head[3:6] == b"\x9d\x01\x2a":
            return le16(head, 6) & 0x3FFF, le16(head, 8) & 0x3FFF, False
    if chunk.kind == b"VP8L" and chunk.length >= 5:
        head = read_at(file, chunk.content, 5)
        bits = le32(head, 1)
        if head[0] == _VP8L_SIGNATURE:
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    raise InvalidImage("The WebP holds no picture.")


def _read_extended(file: BinaryIO, first: Chunk, chunks: Iterator[Chunk], budget: Budget) -> HeaderFacts:
    if first.length < 10:
        raise InvalidImage("The WebP has a broken header.")
    head = read_at(file, first.content, 10)
    width_px, height_px = le24(head, 4) + 1, le24(head, 7) + 1
    check_canvas(width_px, height_px, budget=budget)
    facts = HeaderFacts(ImageFormat.WEBP, width_px, height_px, has_alpha=bool(head[0] & FLAG_ALPHA))
    is_animation, frames = bool(head[0] & FLAG_ANIMATION), 0
    for chunk in chunks:
        if chunk.kind == (b"ANMF" if is_animation else chunk.kind) and chunk.kind in BITSTREAMS | {b"ANMF"}:
            frames += 1
            check_frames(frames, width_px, height_px, budget=budget)
            _check_frame(file, chunk, facts)
        elif chunk.kind == b"ICCP":
            facts = replace(facts, has_icc_profile=True)
        elif chunk.kind == b"EXIF" and chunk.length <= tiff.MAX_BLOCK_BYTES:
            facts = replace(facts, orientation=tiff.find_orientation(read_at(file, chunk.content, chunk.length)))
    if not frames:
        raise InvalidImage("The WebP holds no picture.")
    return replace(facts, frames=frames if is_animation else 1)


def _check_frame(file: BinaryIO, chunk: Chunk, facts: HeaderFacts) -> None:
    # A frame that does not fit its canvas is refused by libwebp; here it would be a way around the budget.
    if chunk.kind == b"ANMF":
        head = read_at(file, chunk.content, 16)
        width_px, height_px = 2 * le24(head) + le24(head, 6) + 1, 2 * le24(head, 3) + le24(head, 9) + 1
    else:
        width_px, height_px, _ = read_bitstream_size(file, chunk)
    if width_px > facts.width_px or height_px > facts.height_px:
        raise InvalidImage("A frame of the WebP is larger than its canvas.")
