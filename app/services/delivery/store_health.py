"""Notice that the store is away while requests are held for what a worker is to make of its objects."""

import asyncio
from collections.abc import Coroutine
from typing import Never, TypeVar

from app.storage.port import ObjectStore, StoreUnavailable

T = TypeVar("T")

# Together less than the 3 s within which a store that is away is told of. Most of what is made is there before the
# first look, and a store that is well answers in milliseconds.
_FIRST_LOOK_S = 0.25
_ANSWER_S = 2.3
_PAUSE_S = 1.0


class StoreHealth:
    """One question to the store at a time, for however many wait."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._asking: asyncio.Task[None] | None = None

    async def hold(self, waiting: Coroutine[object, object, T]) -> T:
        """What `waiting` comes to, unless the store turns out to be away before; `waiting` is cancelled then.

        Raises:
            StoreUnavailable: nothing can be made just now. Told at most 3 s after the store stopped to answer.
        """
        waiter = asyncio.create_task(waiting, name="held-request")
        watch = asyncio.create_task(self._watch(), name="store-watch")
        try:
            await asyncio.wait((waiter, watch), return_when=asyncio.FIRST_COMPLETED)
            return waiter.result() if waiter.done() else watch.result()
        finally:
            for task in (waiter, watch):
                task.cancel()
            await asyncio.gather(waiter, watch, return_exceptions=True)

    async def _watch(self) -> Never:
        await asyncio.sleep(_FIRST_LOOK_S)
        while True:
            await self._look()
            await asyncio.sleep(_PAUSE_S)

    async def _look(self) -> None:
        if self._asking is None:
            self._asking = asyncio.create_task(self._store.check(), name="store-check")
            self._asking.add_done_callback(self._forget)
        # Not cancelled when it is too slow: a thread that hangs is hung once, and not for each who asks.
        done, _ = await asyncio.wait([self._asking], timeout=_ANSWER_S)
        if not done:
            raise StoreUnavailable
        for asking in done:
            asking.result()

    def _forget(self, done: "asyncio.Task[None]") -> None:
        self._asking = None
        if not done.cancelled():
            done.exception()  # looked at, even if all who waited for it have gone
