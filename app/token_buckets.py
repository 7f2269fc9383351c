"""Token buckets: in Redis, one set for all processes; and in this process's memory, for when Redis is silent."""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.foreign_errors import report_redis_error

log = logging.getLogger(__name__)

# Nobody waits longer than half a second for a Redis that hangs, and it is asked again only after a while. That is
# counted in looks at what has come: of a second in which our own event loop was busy Redis may have needed nothing.
_LOOKS, _LOOK_S = 20, 0.025
_SILENCE_S = 1.0
_BATCH = 500
MAX_BUCKETS_HERE = 10_000
"""Buckets that one process keeps in memory, 3 MB at most; the least lately used are forgotten, as if they were full."""

# All or none of the buckets give their tokens. Redis' own clock counts, so that processes need not agree.
_DRAW = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local cost = tonumber(ARGV[1])
local levels, wait = {}, 0
for i, key in ipairs(KEYS) do
  local capacity, per_s = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local kept = redis.call('HMGET', key, 'tokens', 'at')
  local level = capacity
  if kept[1] then
    local gone = math.max(0, now - tonumber(kept[2]))
    level = math.min(capacity, tonumber(kept[1]) + gone * per_s)
  end
  levels[i] = level
  if level < cost then wait = math.max(wait, (cost - level) / per_s) end
end
-- However short it is to be: what is told as nothing would be taken for a gift.
local answer = {string.format('%.3f', wait > 0 and math.max(wait, 0.001) or 0)}
for i, key in ipairs(KEYS) do
  local capacity, per_s = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if wait == 0 then
    levels[i] = levels[i] - cost
    redis.call('HSET', key, 'tokens', string.format('%.6f', levels[i]), 'at', string.format('%.6f', now))
    redis.call('PEXPIRE', key, math.ceil(capacity / per_s * 1000) + 1000)
  end
  answer[i + 1] = string.format('%.3f', levels[i])
end
return answer
"""
_DRAW_SHA1 = hashlib.sha1(_DRAW.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tokens fit in, and so many come back each second."""

    key: str
    capacity: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """How drawing from several buckets at once ended: all gave, or none did."""

    wait_s: float
    """Until all have enough; 0 where they gave."""
    levels: Sequence[float]
    """What is left in each, in tokens."""


@dataclass(frozen=True, slots=True)
class _Wish:
    buckets: Sequence[Bucket]
    count: int
    answer: "asyncio.Future[Drawn | None]"

    def settle(self, outcome: Drawn | Exception | None) -> None:
        """Tell whoever waits, unless he has hung up."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class SharedBuckets:
    """Buckets in Redis. One question is on its way at a time, for all who have come meanwhile."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[_Wish] = []
        self._asker: asyncio.Task[None] | None = None
        self._silent_until = 0.0

    async def draw(self, buckets: Sequence[Bucket], count: int) -> Drawn | None:
        """Take `count` tokens from each bucket, or none from any; put them back where it is negative.

        None where Redis does not answer, which is believed for a second.
        """
        if time.monotonic() < self._silent_until:
            return None
        wish = _Wish(buckets, count, asyncio.get_running_loop().create_future())
        self._waiting.append(wish)
        if self._asker is None:
            self._asker = asyncio.create_task(self._ask_in_turn(), name="token-buckets")
        return await wish.answer

    async def _ask_in_turn(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                try:
                    answers = await self._ask(batch)
                except Exception as error:
                    # A bug of ours: nobody shall wait for ever because of it.
                    for wish in batch:
                        wish.settle(error)
                else:
                    for wish, answer in zip(batch, answers, strict=True):
                        wish.settle(answer)
        finally:
            self._asker = None

    async def _ask(self, batch: Sequence[_Wish]) -> Sequence[Drawn | None]:
        if time.monotonic() < self._silent_until:
            return [None] * len(batch)
        try:
            answers = await _while_redis_may_answer(asyncio.create_task(self._send(batch)))
        except (RedisError, OSError, TimeoutError) as error:
            report_redis_error("count_rates", error)
            log.warning("rates_counted_here", extra={"reason": type(error).__name__})
            self._silent_until = time.monotonic() + _SILENCE_S
            return [None] * len(batch)
        numbers = ([float(text) for text in answer] for answer in answers)
        return [Drawn(wait_s, levels) for wait_s, *levels in numbers]

    async def _send(self, batch: Sequence[_Wish]) -> list[list[str]]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            # Beside the questions: a Redis that was emptied does not know the script any more.
            pipeline.script_load(_DRAW)
            for wish in batch:
                numbers: list[str] = [str(wish.count)]
                for bucket in wish.buckets:
                    numbers += [str(bucket.capacity), repr(bucket.per_s)]
                keys = [bucket.key for bucket in wish.buckets]
                pipeline.evalsha(_DRAW_SHA1, len(keys), *keys, *numbers)
            return (await pipeline.execute())[1:]


class OwnBuckets:
    """Buckets in this process's memory; never more than `max_buckets` of them."""

    def __init__(self, max_buckets: int = MAX_BUCKETS_HERE) -> None:
        self._max_buckets = max_buckets
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Of those that are not full: the level, and when it was that."""

    def __len__(self) -> int:
        return len(self._kept)

    def draw(self, buckets: Sequence[Bucket], count: int) -> Drawn:
        """As `SharedBuckets.draw`, without asking anybody."""
        now = time.monotonic()
        levels = [self._level(bucket, now) for bucket in buckets]
        pairs = list(zip(buckets, levels, strict=True))
        wait_s = max((count - level) / bucket.per_s for bucket, level in pairs)
        if wait_s > 0:
            return Drawn(wait_s, levels)
        levels = [min(bucket.capacity, level - count) for bucket, level in pairs]
        for bucket, level in zip(buckets, levels, strict=True):
            self._keep(bucket, level, now)
        return Drawn(0, levels)

    def lower(self, buckets: Sequence[Bucket], levels: Sequence[float]) -> None:
        """Hold no more than these levels: what the shared buckets have given is not to be had here once more."""
        now = time.monotonic()
        for bucket, level in zip(buckets, levels, strict=True):
            self._keep(bucket, min(level, self._level(bucket, now)), now)

    def _level(self, bucket: Bucket, now: float) -> float:
        level, at = self._kept.get(bucket.key, (bucket.capacity, now))
        return min(bucket.capacity, level + (now - at) * bucket.per_s)

    def _keep(self, bucket: Bucket, level: float, now: float) -> None:
        self._kept.pop(bucket.key, None)
        if level < bucket.capacity:
            self._kept[bucket.key] = (level, now)
        if len(self._kept) > self._max_buckets:
            self._kept.popitem(last=False)


async def _while_redis_may_answer(asking: "asyncio.Task[list[list[str]]]") -> list[list[str]]:
    try:
        for _ in range(_LOOKS):
            # Between two looks the event loop takes what has come, however long it was busy.
            await asyncio.wait([asking], timeout=_LOOK_S)
            if asking.done():
                return asking.result()
        raise TimeoutError
    finally:
        # Not waited for: what is cancelled while it connects to a Redis that hangs may go on for 2 s.
        asking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        asking.cancel()
