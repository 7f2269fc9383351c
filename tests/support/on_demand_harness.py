"""Two processes' services and one worker on either set-up, and many requests for what is not there yet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import cast

from sqlalchemy import update

from app.container import Container
from app.db.accounts import update_account
from app.db.engine import utc_now
from app.db.on_demand import find_derivative, list_free
from app.db.records import VariantRecord
from app.db.tables import variants
from app.domain.access import ANONYMOUS, Principal
from app.domain.transforms import Transform
from app.domain.variants import Family
from app.domain.wishes import Wish
from app.ids import ImageId
from app.rate_limit import counted_address
from app.services.delivery.deliverables import Deliverable
from app.services.delivery.misses import RETRY_AFTER
from app.workers.images import render_wanted
from tests.support.upload_harness import Workbench
from tests.support.waiting import LIMIT_S, eventually

BOX = Wish(Family.PNG, Transform(width_px=20))
_addresses = (f"198.51.100.{number}" for number in count(1))


def new_address() -> str:
    """A client that no server has seen before."""
    return next(_addresses)


@dataclass(frozen=True)
class Demand:
    """What asks, what works, and a look at the rows."""

    bench: Workbench
    other: Container
    """Another process."""

    async def ask(
        self,
        image_id: ImageId,
        wish: Wish,
        *,
        who: Principal = ANONYMOUS,
        wait_s: float | None = LIMIT_S,
        address: str | None = None,
        of: Container | None = None,
    ) -> Deliverable:
        """As a route asks."""
        container = of or self.bench.container
        return await container.on_demand.get(who, image_id, wish, wait_s=wait_s, address=address or new_address())

    async def get(self, image_id: ImageId, wish: Wish, *, who: Principal = ANONYMOUS) -> Deliverable:
        """Ask, and be the worker too."""
        async with self.working(image_id, wish):
            return await self.ask(image_id, wish, who=who)

    @asynccontextmanager
    async def working(self, image_id: ImageId, wish: Wish) -> AsyncIterator[None]:
        """A worker that makes the wished variant, once a request has begun it."""

        async def work() -> None:
            await eventually(lambda: self._is_begun(image_id, wish), "the variant is wanted")
            await render_wanted(self.bench.tools, image_id)

        task = asyncio.create_task(work())
        try:
            yield
            await task
        finally:
            task.cancel()

    async def row(self, image_id: ImageId, wish: Wish) -> VariantRecord | None:
        """The row behind a wish."""
        async with self.bench.container.database.read() as db:
            return await find_derivative(db, image_id, wish.derivative)

    async def free(self, image_id: ImageId) -> list[VariantRecord]:
        """All free transformations of an image."""
        async with self.bench.container.database.read() as db:
            return await list_free(db, image_id)

    async def change(self, image_id: ImageId, wish: Wish, **columns: object) -> None:
        """Change the row without a word to any process."""
        name = wish.derivative
        async with self.bench.container.database.write() as db:
            of_it = (variants.c.image_id == image_id, variants.c.family == name.family, variants.c.size == name.size)
            await db.execute(update(variants).where(*of_it).values(**columns))

    async def let_pause_pass(self, image_id: ImageId, wish: Wish, *, pause: timedelta = RETRY_AFTER) -> None:
        """What failed just now failed so long ago."""
        row = await self.row(image_id, wish)
        assert row is not None
        await self.change(image_id, wish, updated_at=row.updated_at - pause)

    async def set_flexible(self, is_flexible: bool) -> None:
        """May anyone make up transformations of the owner's pictures?"""
        account_id = self.bench.owner.account_id
        assert account_id is not None
        async with self.bench.container.database.write() as db:
            await update_account(db, account_id, {"preferences": {"flexible_variants": is_flexible}})

    async def stop_refill(self, address: str) -> None:
        """Nothing comes back into a client's bucket until it draws again, however long a busy machine takes."""
        key = _bucket_of(address)
        later = int((utc_now() + timedelta(hours=1)).timestamp())
        redis = self.bench.container.redis
        await cast(Awaitable[int], redis.hset(key, "at", str(later)))
        await redis.persist(key)

    async def paid(self, addresses: Iterable[str]) -> int:
        """How many misses these clients have been charged for, a second's refill aside."""
        found = 0
        for address in addresses:
            # Typed by its library for waiting and not waiting alike.
            hget = self.bench.container.redis.hget(_bucket_of(address), "tokens")
            tokens = await cast(Awaitable[str | None], hget)
            capacity = self.bench.container.settings.misses_per_minute
            found += 0 if tokens is None else max(0, capacity - round(float(tokens)))
        return found

    async def _is_begun(self, image_id: ImageId, wish: Wish) -> bool:
        row = await self.row(image_id, wish)
        return row is not None and row.wanted_at is not None


def _bucket_of(address: str) -> str:
    return f"safelight:rate:{{address:{counted_address(address)}}}:misses-minute"
