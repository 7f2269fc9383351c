"""Copying parts of one file into another in bounded pieces."""

from collections.abc import Iterable
from typing import BinaryIO

from app.domain.headers.reading import read_at

PIECE_BYTES = 1 << 18


def copy_range(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    """Write the bytes [`start`, `end`) of `source` to `target`.

    Raises:
        InvalidImage: `source` ends before them.
    """
    for offset in range(start, end, PIECE_BYTES):
        target.write(read_at(source, offset, min(PIECE_BYTES, end - offset)))


def copy_masked(source: BinaryIO, target: BinaryIO, start: int, end: int, *, needed: Iterable[tuple[int, int]]) -> None:
    """As `copy_range`, but with zeros in place of every byte outside the `needed` ranges, which are in order."""
    position = start
    for needed_start, needed_end in needed:
        first, last = max(needed_start, position), min(needed_end, end)
        if first < last:
            write_zeros(target, first - position)
            copy_range(source, target, first, last)
            position = last
    write_zeros(target, end - position)


def write_zeros(target: BinaryIO, count: int) -> None:
    """Write so many zero bytes."""
    for offset in range(0, count, PIECE_BYTES):
        target.write(bytes(min(PIECE_BYTES, count - offset)))
