"""The EXIF blocks that outputs may carry: the copyright alone, or all of the camera's with the turn taken out."""

import struct
from typing import BinaryIO

from app.domain.cleaning.kept_exif import make_kept_exif
from app.domain.formats import ImageFormat
from app.domain.headers.exif import find_exif_block
from app.domain.headers.tiff import strip_prefix
from app.domain.variants import MetadataPolicy

_ORIENTATION = 0x0112
_MAX_BLOCK_BYTES = 64_000
"""A JPEG segment holds 65,533 bytes with its own prefix; larger blocks are dropped."""


def make_output_exif(source: BinaryIO, codec: ImageFormat, metadata: MetadataPolicy) -> bytes:
    """A TIFF block for a rendered file, empty where the policy or the picture leaves nothing.

    Rendered pixels stand upright, so the block never says that they have to be turned.
    """
    if metadata is MetadataPolicy.NONE:
        return b""
    block = strip_prefix(find_exif_block(source, codec) or b"")
    if not block:
        return b""
    if metadata is MetadataPolicy.COPYRIGHT:
        return make_kept_exif(block, orientation=1, metadata=metadata)
    return _set_upright(block) if len(block) <= _MAX_BLOCK_BYTES else b""


def _set_upright(block: bytes) -> bytes:
    """The same block with orientation 1 wherever its directories have one; empty if they cannot be followed."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return b""
    upright = bytearray(block)
    try:
        (directory,) = struct.unpack_from(f"{order}I", block, 4)
        for _ in range(2):  # the picture's directory, and the thumbnail's
            if directory == 0:
                break
            directory = _patch_directory(upright, order, directory)
    except struct.error:
        return b""
    return bytes(upright)


def _patch_directory(block: bytearray, order: str, start: int) -> int:
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for index in range(count):
        entry = start + 2 + 12 * index
        (tag,) = struct.unpack_from(f"{order}H", block, entry)
        if tag == _ORIENTATION:
            struct.pack_into(f"{order}HIHH", block, entry + 2, 3, 1, 1, 0)
    (following,) = struct.unpack_from(f"{order}I", block, start + 2 + 12 * count)
    return int(following)
