"""How often pictures were looked at: counted in this process, gathered in Redis, and kept in the images' rows.

A count may be lost with whoever held it; none is ever counted twice.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.db.engine import Database
from app.db.images import add_views
from app.ending import end_tasks
from app.errors import Unavailable
from app.foreign_errors import report_redis_error
from app.ids import ImageId, parse_uuid
from app.redis_names import names_of
from app.telemetry import LOST_VIEWS

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 1.0
SETTLE_EVERY_S = 2.0
MAX_HELD_IMAGES = 20_000
"""Images whose counts a process holds while Redis is away; further ones are lost."""
_AT_ONCE = 500
_TIMEOUT_S = 0.5

# Whoever takes the counts has them alone.
_TAKE = "local held = redis.call('HGETALL', KEYS[1]) redis.call('DEL', KEYS[1]) return held"


class ViewCounter:
    """Counts in memory; a look costs a dictionary's entry, and a process that shows nothing does nothing."""

    def __init__(self, redis: Redis, *, max_held_images: int = MAX_HELD_IMAGES) -> None:
        self._redis = redis
        self._max_held_images = max_held_images
        self._counts: dict[ImageId, int] = {}
        self._flushing: asyncio.Task[None] | None = None

    def note(self, image_id: ImageId) -> None:
        """Count one look at an image."""
        known = self._counts.get(image_id)
        if known is not None:
            self._counts[image_id] = known + 1
        elif len(self._counts) < self._max_held_images:
            self._counts[image_id] = 1
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush_soon(), name="flush-views")
        else:
            LOST_VIEWS.inc()

    async def flush(self) -> None:
        """Hand all counts to Redis; while it is away they stay here."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                # Nothing is at stake while it is found out that nobody answers.
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError):
            return
        counts, self._counts = self._counts, {}
        for part in _in_parts(counts):
            await _add(self._redis, part)

    async def close(self) -> None:
        """Hand over what is left."""
        await end_tasks([self._flushing])
        if self._counts:
            await self.flush()
            LOST_VIEWS.inc(sum(self._counts.values()))

    async def _flush_soon(self) -> None:
        try:
            while self._counts:
                await asyncio.sleep(FLUSH_EVERY_S)
                await self.flush()
        finally:
            # Also after a fault, or no view would be counted any more.
            self._flushing = None


class ViewKeeper:
    """Brings what was gathered in Redis into the rows; any number of workers may."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self._database = database
        self._redis = redis
        self._take = redis.register_script(_TAKE)

    async def settle(self) -> None:
        """Move all counts; what the database does not take now goes back."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                held: list[str] = await self._take(keys=[names_of(self._redis).views])
        except (RedisError, OSError, TimeoutError):
            return
        for part in _in_parts(_parse(held)):
            try:
                async with self._database.write() as db:
                    await add_views(db, part)
            except Unavailable as error:
                log.warning("views_put_off", extra={"images": len(part), "reason": error.code.value})
                await _add(self._redis, part)

    async def settle_for_ever(self) -> None:
        """Move counts every `SETTLE_EVERY_S` seconds, until cancelled."""
        while True:
            await asyncio.sleep(SETTLE_EVERY_S)
            await self.settle()


async def _add(redis: Redis, counts: Mapping[ImageId, int]) -> None:
    try:
        async with asyncio.timeout(_TIMEOUT_S), redis.pipeline(transaction=True) as pipeline:
            for image_id, count in counts.items():
                pipeline.hincrby(names_of(redis).views, str(image_id), count)
            await pipeline.execute()
    except (RedisError, OSError, TimeoutError) as error:
        # Whether it took them nobody knows: sent again, they might count twice.
        LOST_VIEWS.inc(sum(counts.values()))
        report_redis_error("add_views", error)
        log.warning("views_lost", extra={"images": len(counts), "reason": type(error).__name__})


def _in_parts(counts: Mapping[ImageId, int]) -> Iterator[dict[ImageId, int]]:
    # In the order of ids, as everyone who holds many rows.
    items = sorted(counts.items())
    for start in range(0, len(items), _AT_ONCE):
        yield dict(items[start : start + _AT_ONCE])


def _parse(held: list[str]) -> dict[ImageId, int]:
    found: dict[ImageId, int] = {}
    for name, count in zip(held[::2], held[1::2], strict=True):
        image_id = parse_uuid(name)
        if image_id is not None and count.isascii() and count.isdigit():
            found[ImageId(image_id)] = int(count)
    return found
