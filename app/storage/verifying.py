"""Objects that are not what the row says: found out before the last bytes are given, so that no copy is kept."""

import hashlib
from collections.abc import AsyncIterator

from app.foreign_errors import report_foreign_error
from app.storage.port import ObjectKey, StoreUnavailable


class CorruptObject(StoreUnavailable):
    """The store, or the way from it, changed an object's bytes."""


def check_whole(key: ObjectKey, content: bytes, sha256: str) -> bytes:
    """The bytes again, if they are the object.

    Raises:
        CorruptObject: they are not.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        report_foreign_error("store", operation="read", code="WrongHash", error=ValueError(str(key)))
        raise CorruptObject
    return content


async def hold_back_the_last(key: ObjectKey, chunks: AsyncIterator[bytes], sha256: str) -> AsyncIterator[bytes]:
    """The chunks; the last one is given when the hash of all of them agrees.

    Raises:
        CorruptObject: it does not. What was given before must not be kept, and its reader must not take it for whole.
    """
    hasher, held = hashlib.sha256(), b""
    async for chunk in chunks:
        if held:
            yield held
        hasher.update(chunk)
        held = chunk
    if hasher.hexdigest() != sha256:
        report_foreign_error("store", operation="read", code="WrongHash", error=ValueError(str(key)))
        raise CorruptObject
    if held:
        yield held
