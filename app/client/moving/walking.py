"""All images of the old account, each once, however often and however long it is listed."""

import hashlib
from collections.abc import AsyncIterator

from app.client.moving.codes import MovingCode
from app.client.moving.items import OldImage, Source
from app.client.problems import Problem

MAX_IMAGES = 5_000_000
"""More than any account that these systems are made for; whoever lists more does not end."""
MAX_IDLE_PAGES = 3
"""Pages without anything new. Lists by number repeat some images while others are being uploaded."""


async def walk(source: Source) -> AsyncIterator[OldImage]:
    """The images of all pages.

    Raises:
        Problem: the list cannot be read, or has no end (LIST_ENDLESS).
    """
    # Of a million long ids, only what tells them apart.
    seen: set[bytes] = set()
    idle_pages = 0
    async for page in source.pages():
        fresh = {_mark(image): image for image in page if _mark(image) not in seen}
        seen |= fresh.keys()
        for image in fresh.values():
            yield image
        idle_pages = 0 if fresh else idle_pages + 1
        if idle_pages == MAX_IDLE_PAGES or len(seen) > MAX_IMAGES:
            raise Problem(MovingCode.LIST_ENDLESS, "The old system's list repeats itself and has no end.")


def _mark(image: OldImage) -> bytes:
    return hashlib.blake2b(image.old_id.encode(errors="surrogatepass"), digest_size=16).digest()
