"""Correcting what ImageMagick 6.9.11 writes wrongly into an animated WebP: each frame's time, and the plays.

It gives every frame the time of the next one, and makes a still of what plays once. The numbers stand in the
file's chunks ANIM and ANMF (https://developers.google.com/speed/webp/docs/riff_container), so they are put right there.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

_RIFF_HEAD_BYTES, _CHUNK_HEAD_BYTES = 12, 8
_PLAYS_OFFSET, _TIME_OFFSET = 4, 12
"""Within the chunks: after the background colour; after place and size."""
_MAX_TIME_MS = (1 << 24) - 1
_MAX_PLAYS = (1 << 16) - 1


def correct_film(path: Path, *, times_ms: Sequence[int], plays: int) -> None:
    """Set the plays (0: for ever) and each frame's time in a file just written; harmless where they are right."""
    content = bytearray(path.read_bytes())
    frames = []
    for kind, start in _walk_chunks(content):
        if kind == b"ANIM":
            struct.pack_into("<H", content, start + _PLAYS_OFFSET, min(plays, _MAX_PLAYS))
        elif kind == b"ANMF":
            frames.append(start + _TIME_OFFSET)
    written = [int.from_bytes(content[frame : frame + 3], "little") for frame in frames]
    for frame, time_ms in zip(frames, find_times(written, times_ms), strict=True):
        content[frame : frame + 3] = min(time_ms, _MAX_TIME_MS).to_bytes(3, "little")
    path.write_bytes(content)


def find_times(written: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The right time of each frame in the file. Equal neighbours may have become one frame, with their times added."""
    if len(written) == len(wanted):
        return list(wanted)
    if not written:  # all frames were the same, so it became a still
        return []
    for assumed in (wanted, wanted[1:]):  # as it should be, or each with the time of the next
        counts = _count_merged(written[:-1], assumed)
        if counts is not None:
            ends = [sum(counts[: index + 1]) for index in range(len(counts))]
            groups = zip([0, *ends], [*ends, len(wanted)], strict=True)
            return [sum(wanted[first:last]) for first, last in groups]
    return list(written)


def _count_merged(written: Sequence[int], assumed: Sequence[int]) -> list[int] | None:
    """How many of the assumed times add up to each written one; None if they do not."""
    counts, position = [], 0
    for time_ms in written:
        total, start = 0, position
        while total < time_ms and position < len(assumed):
            total += assumed[position]
            position += 1
        if total != time_ms or position == start:
            return None
        counts.append(position - start)
    return counts


def _walk_chunks(content: bytearray) -> Iterator[tuple[bytes, int]]:
    position = _RIFF_HEAD_BYTES
    while position + _CHUNK_HEAD_BYTES <= len(content):
        kind, length = struct.unpack_from("<4sI", content, position)
        yield kind, position + _CHUNK_HEAD_BYTES
        position += _CHUNK_HEAD_BYTES + length + length % 2
