"""How often somebody may do something, counted in token buckets; and whose address counts."""

import math
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from redis.asyncio import Redis

from app.errors import RateLimited
from app.redis_names import names_of
from app.telemetry import COUNTED_ALONE
from app.token_buckets import Bucket, Drawn, OwnBuckets, SharedBuckets

Network = IPv4Network | IPv6Network

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


class RateLimiter:
    """Counts: once for all processes in Redis; while that is silent each process by itself, from what it heard last."""

    def __init__(self, redis: Redis) -> None:
        self._names = names_of(redis)
        self._shared = SharedBuckets(redis)
        self._own = OwnBuckets()

    async def take(self, who: str, rates: Sequence[Rate], *, count: int = 1) -> None:
        """Take `count` tokens from each of somebody's buckets, or none from any.

        Raises:
            RateLimited: one of them has too few; says when it has enough.
        """
        if not rates:
            return
        drawn = await self._draw(who, rates, count)
        note = _note_of(rates, drawn.levels)
        _put(note)
        if drawn.wait_s > 0:
            note.retry_after_s = math.ceil(drawn.wait_s)
            raise _refusal(rates, note, count)

    async def give_back(self, who: str, rates: Sequence[Rate], *, count: int = 1) -> None:
        """Put tokens back that were taken for nothing; a bucket never holds more than its capacity."""
        await self._draw(who, rates, -count)

    async def _draw(self, who: str, rates: Sequence[Rate], count: int) -> Drawn:
        buckets = [
            Bucket(self._names.bucket(who, rate.name), rate.capacity, rate.capacity / rate.period_s) for rate in rates
        ]
        drawn = await self._shared.draw(buckets, count)
        if drawn is None:
            COUNTED_ALONE.inc()
            return self._own.draw(buckets, count)
        self._own.lower(buckets, drawn.levels)
        return drawn


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
    while seen and is_trusted(peer, trusted):
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


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Tell whether this address is a trusted proxy's."""
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
