"""A store that is far away: it counts what is asked of it, and may stop or go away in the middle of an object."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.storage.local import LocalStore
from app.storage.port import ObjectKey, StoreUnavailable


class FarStore(LocalStore):
    """A directory that counts what is asked of it, waits at a gate, and may go away in the middle of an object."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[ObjectKey] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.breaks_after: int | None = None

    @asynccontextmanager
    async def open(
        self, key: ObjectKey, byte_range: tuple[int, int] | None = None, *, sha256: str | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        self.opened.append(key)
        async with super().open(key, byte_range) as chunks:
            yield self._guarded(chunks)

    async def _guarded(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        number = 0
        async for chunk in chunks:
            await self.gate.wait()
            if number == self.breaks_after:
                raise StoreUnavailable
            number += 1
            yield chunk
