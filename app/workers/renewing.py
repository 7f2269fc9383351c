"""Keep what this worker holds while it works on it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import TypeVar

from app.ending import end_soon, start_loop
from app.errors import Unavailable

T = TypeVar("T")
RENEWALS_PER_LEASE = 3


async def claim_or_return(
    claim: Coroutine[object, object, T | None], give_back: Callable[[T], Awaitable[None]]
) -> T | None:
    """What `claim` takes. A worker that is told to stop just then gives it back: nobody else knows that it has it."""
    claiming = asyncio.ensure_future(claim)
    try:
        return await asyncio.shield(claiming)
    except asyncio.CancelledError:
        taken = await claiming
        if taken is not None:
            await give_back(taken)
        raise


@contextlib.asynccontextmanager
async def renewing(renew: Callable[[], Awaitable[None]], *, lease: timedelta) -> AsyncIterator[None]:
    """Call `renew` `RENEWALS_PER_LEASE` times in each lease while the context lasts."""
    every_s = lease.total_seconds() / RENEWALS_PER_LEASE

    async def renew_for_ever() -> None:
        while True:
            await asyncio.sleep(every_s)
            # A database that is away for a moment must not end the work; if it is away longer the lease does.
            with contextlib.suppress(Unavailable):
                await renew()

    task = start_loop(renew_for_ever, name="renew-leases")
    try:
        yield
    finally:
        end_soon(task)
