"""Begin to make what a request misses: once, however many ask for it, and within the budget of each client address."""

import asyncio
import contextlib
import logging
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.db.engine import Database, Transaction, utc_now
from app.db.images import find_image
from app.db.on_demand import (
    count_free,
    delete_oldest_free,
    find_derivative,
    hurry,
    insert_where_absent,
    next_position,
    try_once_more,
)
from app.db.records import ImageRecord, VariantRecord
from app.domain.variants import ATTEMPT_STRIDE, Derivative, VariantState
from app.domain.wishes import Wish
from app.errors import RateLimited, Unavailable
from app.ids import ImageId
from app.jobs import RenderQueue
from app.rate_limit import Rate, RateLimiter, counted_address, forget_note
from app.services.making.outcomes import MAX_FAILURES
from app.services.making.planning import planned_rows
from app.storage.port import ObjectKey, ObjectStore

log = logging.getLogger(__name__)

MAX_FREE_VARIANTS = 200
"""Free transformations that are kept of one image: some ten sizes in all families, twice over for what pages change."""
RETRY_AFTER = timedelta(minutes=1)
"""A failed variant is tried once more when it is asked for after this; each time it fails the pause doubles."""
MAX_RETRY_AFTER = timedelta(hours=1)
_MINUTE_S = 60
_ATTEMPT_STARTS = 2**20

_Key = tuple[ImageId, Derivative]


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is to be done once a row says that a variant is being made."""

    attempt: int
    dropped: list[str]
    """Object keys that nobody names any more."""


class Misses:
    """The only place that starts a render for a request."""

    def __init__(
        self, database: Database, store: ObjectStore, limiter: RateLimiter, queue: RenderQueue, *, per_minute: int
    ) -> None:
        self._database = database
        self._store = store
        self._limiter = limiter
        self._queue = queue
        self._rates = [Rate("misses-minute", per_minute, _MINUTE_S)]
        self._beginning: dict[_Key, asyncio.Task[None]] = {}

    async def begin(self, image: ImageRecord, wish: Wish, *, address: str) -> None:
        """Have the wished variant of an image made, and before all that is only planned.

        Returns too where it is being made already, or is made; only who really starts something pays for it.

        Raises:
            RateLimited: this client address has started too much within the last minute.
            Unavailable: too many free transformations of this image are being made.
        """
        key = (image.id, wish.derivative)
        while key in self._beginning:
            # One of a crowd pays. Where that one cannot, it is the next one's turn.
            with contextlib.suppress(RateLimited):
                return await asyncio.shield(self._beginning[key])
        who = f"address:{counted_address(address)}"
        task = asyncio.create_task(self._pay_and_begin(image, wish, who), name="begin-variant")
        self._beginning[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))
        # Whoever hangs up ends nobody else's.
        await asyncio.shield(task)

    def _forget(self, key: _Key, done: asyncio.Task[None]) -> None:
        del self._beginning[key]
        if not done.cancelled():
            done.exception()  # looked at, even if all who waited for it have gone

    async def _pay_and_begin(self, image: ImageRecord, wish: Wish, who: str) -> None:
        try:
            await self._limiter.take(who, self._rates)
        except RateLimited:
            if not await self._is_begun(image, wish.derivative):
                raise
            return forget_note()
        forget_note()
        begun = None
        try:
            async with self._database.write() as db:
                begun = await _begin(db, image, wish, now=utc_now())
        finally:
            if begun is None:
                await self._limiter.give_back(who, self._rates)
        if begun is None:
            return
        log.info("variant_wanted", extra={"image_id": str(image.id), "family": wish.family, "is_free": wish.is_free})
        # A round of its own: the job of this attempt may be there, and past the point where it claims.
        await self._queue.enqueue(image.id, attempt=begun.attempt, round_=time.time_ns(), is_wanted=True)
        # What the store does not delete now is an orphan, and orphans are looked for.
        with contextlib.suppress(Unavailable):
            await self._store.delete([ObjectKey.parse(key) for key in begun.dropped])

    async def _is_begun(self, image: ImageRecord, derivative: Derivative) -> bool:
        async with self._database.read() as db:
            found = await find_derivative(db, image.id, derivative)
        return found is not None and found.state is not VariantState.FAILED


def next_try_at(variant: VariantRecord) -> datetime:
    """When a FAILED variant may be tried once more by whoever asks for it."""
    doublings = min(10, max(0, variant.failures + variant.losses + variant.starvations - MAX_FAILURES))
    pause = min(MAX_RETRY_AFTER, RETRY_AFTER * float(2**doublings))
    return variant.updated_at + pause


def may_begin(variant: VariantRecord | None, *, now: datetime) -> bool:
    """Is there something to be started?"""
    if variant is None:
        return True
    if variant.state is VariantState.PLANNED:
        return variant.wanted_at is None
    # What its owner has planned and what failed then is the owner's to try again.
    return variant.state is VariantState.FAILED and variant.is_on_demand and next_try_at(variant) <= now


async def _begin(db: Transaction, image: ImageRecord, wish: Wish, *, now: datetime) -> _Begun | None:
    held = await find_image(db, image.id, for_update=True)
    if held is None or held.deleted_at is not None or held.is_draft or held.generation != image.generation:
        return None
    present = await find_derivative(db, image.id, wish.derivative)
    if present is None:
        return await _insert(db, held, wish, now=now)
    if not may_begin(present, now=now):
        return None
    is_failed = present.state is VariantState.FAILED
    is_ours = await try_once_more(db, present, now=now) if is_failed else await hurry(db, present, now=now)
    return _Begun(present.attempt + is_failed, []) if is_ours else None


async def _insert(db: Transaction, image: ImageRecord, wish: Wish, *, now: datetime) -> _Begun | None:
    dropped = await _make_room(db, image.id) if wish.is_free else []
    position = await next_position(db, image.id)
    facts = {"generation": image.generation, "revision": image.revision}
    [row] = planned_rows(image.id, [wish.derivative], now=now, **facts, first_position=position)
    attempt = ATTEMPT_STRIDE * secrets.randbelow(_ATTEMPT_STARTS)
    more = {"attempt": attempt, "options": wish.options, "is_on_demand": True, "wanted_at": now}
    return _Begun(attempt, dropped) if await insert_where_absent(db, {**row, **more}) else None


async def _make_room(db: Transaction, image_id: ImageId) -> list[str]:
    too_many = await count_free(db, image_id) + 1 - MAX_FREE_VARIANTS
    if too_many <= 0:
        return []
    gone, keys = await delete_oldest_free(db, image_id, count=too_many)
    if gone < too_many:
        raise Unavailable("Too many sizes of this image are being made. Try again in a moment.", retry_after_s=5)
    return keys
