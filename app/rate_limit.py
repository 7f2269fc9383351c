"""Token buckets in Redis: how often somebody may do something, counted once over all processes."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.errors import RateLimited
from app.telemetry import UNLIMITED_REQUESTS

log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network

# Nobody waits longer for a Redis that hangs, and asks it again only after a while.
_TIMEOUT_S = 0.5
_SILENCE_S = 1.0
_IPV6_PREFIX_BITS = 64  # what one subscriber usually has

client_address: ContextVar[str] = ContextVar("client_address", default="unknown")
"""Where the request that is being served comes from; set by the middleware, behind trusted proxies too."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, refilled evenly over a period."""

    name: str
    """Of what is counted; a part of the key."""
    capacity: int
    period_s: int


@dataclass(slots=True)
class RateNote:
    """How far the tightest bucket was emptied; told in the headers of the answer."""

    limit: int
    remaining: int
    reset_s: int
    """Until the bucket is full again."""
    retry_after_s: int | None = None


rate_note: ContextVar[list[RateNote] | None] = ContextVar("rate_note", default=None)
"""Where the note for the answer is put: a list, as what a task sets its parent does not see."""

# All or none of the buckets give their tokens. Redis' own clock counts, so that processes need not agree.
_TAKE = """
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
local answer = {string.format('%.3f', wait)}
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


class RateLimiter:
    """Counts; where Redis is away every request passes, and that is counted too."""

    def __init__(self, redis: Redis) -> None:
        self._take = redis.register_script(_TAKE)
        self._silent_until = 0.0

    async def take(self, who: str, rates: Sequence[Rate], *, count: int = 1) -> None:
        """Take `count` tokens from each of somebody's buckets, or none from any.

        Raises:
            RateLimited: one of them has too few; says when it has enough.
        """
        if not rates:
            return
        answer = await self._ask(who, rates, count)
        if answer is None:
            UNLIMITED_REQUESTS.inc()
            return
        wait_s, levels = answer[0], answer[1:]
        note = _note_of(rates, levels)
        _put(note)
        if wait_s > 0:
            note.retry_after_s = math.ceil(wait_s)
            raise _refusal(rates, note, count)

    async def give_back(self, who: str, rates: Sequence[Rate], *, count: int = 1) -> None:
        """Put tokens back that were taken for nothing; a bucket never holds more than its capacity."""
        await self._ask(who, rates, -count)

    async def _ask(self, who: str, rates: Sequence[Rate], count: int) -> list[float] | None:
        if time.monotonic() < self._silent_until:
            return None
        keys = [f"safelight:rate:{{{who}}}:{rate.name}" for rate in rates]
        arguments: list[str | float] = [count]
        for rate in rates:
            arguments += [rate.capacity, repr(rate.capacity / rate.period_s)]
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer: list[str] = await self._take(keys=keys, args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("rate_limit_skipped", extra={"reason": type(error).__name__})
            self._silent_until = time.monotonic() + _SILENCE_S
            return None
        return [float(number) for number in answer]


def _note_of(rates: Sequence[Rate], levels: Sequence[float]) -> RateNote:
    rate, level = min(zip(rates, levels, strict=True), key=lambda pair: pair[1] / pair[0].capacity)
    missing = rate.capacity - level
    return RateNote(rate.capacity, max(0, math.floor(level)), math.ceil(missing * rate.period_s / rate.capacity))


def _put(note: RateNote) -> None:
    notes = rate_note.get()
    if notes is not None:
        notes[:] = [note]


def forget_note() -> None:
    """Say nothing of a bucket that concerns the caller alone, in an answer that caches may give to others."""
    notes = rate_note.get()
    if notes is not None:
        notes.clear()


def _refusal(rates: Sequence[Rate], note: RateNote, count: int) -> RateLimited:
    details = {"limit": note.limit, "remaining": note.remaining, "reset": note.reset_s}
    least = min(rate.capacity for rate in rates)
    if count > least:
        return RateLimited(f"At most {least} of these can be asked for at once.", details=details)
    return RateLimited("Too many requests. Try again later.", details=details, retry_after_s=note.retry_after_s)


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks in the usual notation.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(text, strict=False) for text in texts)


def find_client_address(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Who asks: the peer, or what trusted proxies say of it.

    `forwarded_for` are the values of `X-Forwarded-For`. Each proxy appends whom it saw, so it is read from the right,
    as far as those who wrote it are trusted; what stands further left anyone may have invented.
    """
    if peer is None:
        return "unknown"
    peer = _parse_peer(peer) or peer
    seen = [name.strip() for value in forwarded_for for name in value.split(",")]
    while seen and _is_trusted(peer, trusted):
        named = _parse(seen.pop())
        if named is None:
            break
        peer = named
    return peer


def counted_address(address: str) -> str:
    """What stands for an address in a bucket's name: of IPv6 the network, as one subscriber has 2^64 addresses."""
    if ":" not in address:
        return address
    bare = address.partition("%")[0]
    return str(ip_network(f"{bare}/{_IPV6_PREFIX_BITS}", strict=False))


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    named = _parse(address)
    return named is not None and any(ip_address(named) in network for network in trusted)


def _parse(text: str) -> str | None:
    bare = text.strip()
    # Proxies write ports too: 192.0.2.1:4711 and [2001:db8::1]:4711.
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


# Of sockets' own addresses alone: what a header says may be long. A connection's requests all have the same one.
_parse_peer = lru_cache(maxsize=4096)(_parse)
