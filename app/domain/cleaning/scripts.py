"""Program text that somebody hid in a picture's coded data, where no allow-list of blocks can leave it out.

Such pictures are made to be run by a server or a browser that takes them for something else. In GIF and PNG the coded
data stands in pieces, and a border between two of them through the text's first letters makes it harmless without
changing a pixel. The other formats have no such place: there the picture is refused.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from app.domain.cleaning.copying import PIECE_BYTES
from app.domain.headers.reading import read_up_to
from app.errors import InvalidImage

_BREAKABLE = re.compile(rb"<\?(?:php|=)|<script|PK\x03\x04", re.IGNORECASE)
_BREAKABLE_WORDS = (b"<?", b"<script", b"pk\x03\x04")
# Longer than what is broken, because five bytes stand by chance in one of 200,000 large photographs.
_REFUSED = re.compile(rb"<\?php[\sa-z_(/]|<script[\s>/]")
_REFUSED_WORDS = (b"<?php", b"<script")
_LONGEST = 8
_BREAK_AFTER = 2
_MAX_BREAKS = 1_000


def find_breaks(source: BinaryIO, start: int, end: int) -> list[int]:
    """Where in [`start`, `end`) of the file a border must stand so that no program text is left in one piece.

    Raises:
        InvalidImage: at more than 1,000 places, which is no accident.
    """
    breaks: set[int] = set()
    for offset in _search(source, start, end, _BREAKABLE, _BREAKABLE_WORDS):
        breaks.add(offset + _BREAK_AFTER)
        if len(breaks) > _MAX_BREAKS:
            raise InvalidImage("The picture is full of program text.")
    return sorted(breaks)


def refuse_scripts(source: BinaryIO, start: int, end: int) -> None:
    """Let coded data pass that holds no program text.

    Raises:
        InvalidImage: it does.
    """
    for _ in _search(source, start, end, _REFUSED, _REFUSED_WORDS):
        raise InvalidImage("The picture is full of program text.")


def has_scripts(content: bytes) -> bool:
    """Is there program text in these bytes?"""
    return bool(_REFUSED.search(content))


def break_scripts(content: bytes, *, max_piece_bytes: int) -> Iterator[bytes]:
    """The content in pieces of at most so many bytes, none of them with program text in it."""
    breaks = [found.start() + _BREAK_AFTER for found in _BREAKABLE.finditer(content)]
    start = 0
    for stop in [*breaks, len(content)]:
        for offset in range(start, stop, max_piece_bytes):
            yield content[offset : min(offset + max_piece_bytes, stop)]
        start = stop


def _search(
    source: BinaryIO, start: int, end: int, pattern: re.Pattern[bytes], words: tuple[bytes, ...]
) -> Iterator[int]:
    for offset in range(start, end, PIECE_BYTES):
        window = read_up_to(source, offset, min(PIECE_BYTES + _LONGEST, end - offset))
        # Ten times as fast as the pattern alone.
        lowered = window.lower()
        if any(word in lowered for word in words):
            yield from (offset + found.start() for found in pattern.finditer(window))
