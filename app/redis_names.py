"""Names of keys, channels and queues in Redis: each instance has its own, so that several may share one Redis.

They travel with the connection: functions that get a connection ask `names_of` it.
"""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID
from weakref import WeakKeyDictionary

from redis.asyncio import Redis


@dataclass(frozen=True)
class RedisNames:
    """The names of one instance; of a database without an identity those of earlier releases."""

    instance_id: UUID | None = None

    @cached_property
    def _prefix(self) -> str:
        return "safelight:" if self.instance_id is None else f"safelight:{self.instance_id}:"

    @cached_property
    def queue(self) -> str:
        """Jobs for workers: arq's sorted set."""
        return f"{self._prefix}render"

    @cached_property
    def wake_channel(self) -> str:
        """A message here ends a worker's pause at once; arq itself only polls."""
        return f"{self._prefix}wake"

    @cached_property
    def import_channel(self) -> str:
        """A message here says that there is a URL to fetch."""
        return f"{self._prefix}import"

    @cached_property
    def workers(self) -> str:
        """Workers that live, by the time of their last sign."""
        return f"{self._prefix}workers"

    @cached_property
    def events(self) -> str:
        """The stream of hints."""
        return f"{self._prefix}events"

    @cached_property
    def views(self) -> str:
        """Views of images that are not in the rows yet."""
        return f"{self._prefix}views"

    def bucket(self, who: str, rate: str) -> str:
        """A token bucket; the braces keep all buckets of one caller on one node of a cluster."""
        return f"{self._prefix}rate:{{{who}}}:{rate}"


_DEFAULT = RedisNames()
_names: WeakKeyDictionary[Redis, RedisNames] = WeakKeyDictionary()


def bind_names(redis: Redis, names: RedisNames) -> None:
    """Let everything that is done over this connection use these names."""
    _names[redis] = names


def names_of(redis: Redis) -> RedisNames:
    """The names that belong to a connection."""
    return _names.get(redis, _DEFAULT)
