"""Put render jobs on the arq queue. The queue is disposable: the sweep refills it from the rows."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from arq.connections import ArqRedis, RedisSettings
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.errors import Unavailable
from app.foreign_errors import report_redis_error
from app.ids import ImageId
from app.redis_names import RedisNames, bind_names, names_of
from app.telemetry import LOST_HINTS

log = logging.getLogger(__name__)

RENDER_JOB = "render_image"
WORKER_SILENCE_S = 10
_WANTED = "wanted:"
_TIMEOUT_S = 2.0
_ENQUEUE_TIMEOUT_S = 0.5
"""Of a Redis that hangs; whoever sends a file waits for it."""
_AHEAD = timedelta(days=365)
"""How much earlier than it is a job is noted that shall overtake: longer than any job lies in the queue."""
_KEPT = timedelta(days=1)
"""arq's own time limit for a job in the queue; of one in the past it must be told."""

# arq's own format is pickle, which runs whatever whoever reaches Redis wrote into it.
serialize_job: Callable[[dict[str, Any]], bytes] = lambda job: json.dumps(job).encode()  # noqa: E731  (arq's own signatures have Any)
deserialize_job: Callable[[bytes], dict[str, Any]] = json.loads


def redis_settings(url: str) -> RedisSettings:
    """arq's settings for this address: short timeouts, and a few tries while Redis restarts."""
    # Read as for every other connection: arq's own reader knows no percent-encoding and no options of TLS.
    asked: dict[str, Any] = dict(parse_url(url))
    return RedisSettings(
        host=asked.get("host", "localhost"),
        port=asked.get("port", 6379),
        unix_socket_path=asked.get("path"),
        database=asked.get("db", 0),
        username=asked.get("username"),
        password=asked.get("password"),
        ssl=url.startswith("rediss://"),
        ssl_cert_reqs=asked.get("ssl_cert_reqs", "required"),
        ssl_ca_certs=asked.get("ssl_ca_certs"),
        ssl_certfile=asked.get("ssl_certfile"),
        ssl_keyfile=asked.get("ssl_keyfile"),
        ssl_check_hostname=asked.get("ssl_check_hostname", True),
        conn_timeout=2,
        conn_retries=1,
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=3),
    )


def open_queue(url: str, names: RedisNames | None = None) -> ArqRedis:
    """A connection to the queue. Unlike arq's own it waits for no answer, so that a Redis that is away stops nobody."""
    pool = ConnectionPool.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
    names = names or RedisNames()
    queue = ArqRedis(
        pool, default_queue_name=names.queue, job_serializer=serialize_job, job_deserializer=deserialize_job
    )
    bind_names(queue, names)
    # The pool is nobody else's: it closes with the queue.
    queue.auto_close_connection_pool = True
    return queue


async def note_worker(redis: Redis, name: str, *, landlock_abi: int = 0) -> None:
    """Say that a worker lives, and which version of Landlock is around its children."""
    now = time.time()
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.zadd(names_of(redis).workers, {f"{name}:{landlock_abi}": now})
        pipeline.zremrangebyscore(names_of(redis).workers, 0, now - 60)
        await pipeline.execute()


async def check_worker(redis: Redis) -> None:
    """Return if some worker said that it lives within the last 10 s.

    Raises:
        Unavailable: none did.
    """
    if not await count_workers(redis):
        raise Unavailable("No worker is running.")


async def count_workers(redis: Redis) -> int:
    """How many workers said within the last 10 s that they live."""
    return int(await redis.zcount(names_of(redis).workers, time.time() - WORKER_SILENCE_S, "+inf"))


async def read_landlock_abi(redis: Redis) -> int | None:
    """The oldest version of Landlock around the children of the living workers; None where no worker lives."""
    living = await redis.zrangebyscore(names_of(redis).workers, time.time() - WORKER_SILENCE_S, "+inf")
    versions = [version for _, _, version in (str(name).rpartition(":") for name in living)]
    # What lies in Redis may have been written by another program.
    return min((int(version) for version in versions if version.isdecimal()), default=None)


def is_wanted_job(job_id: str) -> bool:
    """May a request be waiting for what this job makes? Its id says so: a worker knows no more before it begins."""
    return job_id.startswith(_WANTED)


async def list_planned_jobs(redis: Redis, queue_name: str, *, limit: int) -> list[bytes]:
    """Jobs that are due and overtake nobody, the longest waiting first; those under way are among them."""
    now = datetime.now(UTC)
    since, until = ((moment.timestamp() * 1000) for moment in (now - _AHEAD / 2, now))
    found: list[bytes] = await redis.zrangebyscore(queue_name, since, until, start=0, num=limit)
    return found


class RenderQueue:
    """The asking side of the queue."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def wake_importers(self) -> None:
        """Say that there is a URL to fetch. Never fails: workers look by themselves every second."""
        try:
            await _briefly(self._redis.publish(names_of(self._redis).import_channel, "1"))
        except (RedisError, OSError) as error:
            LOST_HINTS.inc()
            report_redis_error("publish", error)
            log.warning("wake_lost", extra={"reason": type(error).__name__})

    async def enqueue(
        self, image_id: ImageId, *, attempt: int, delay_s: float = 0, round_: int = 0, is_wanted: bool = False
    ) -> bool:
        """Ask for the unfinished variants of an image to be made; asking twice for the same attempt is asking once.

        With `is_wanted` only those that a request may be waiting for, and before all that was asked without it.
        `round_` tells apart what the sweep asks again, as arq remembers a lost job's id until it would have timed out.
        Never fails: a job that Redis does not take is counted, False is the answer, and the sweep asks again.
        """
        job_id = f"{_WANTED if is_wanted else 'render:'}{image_id}:{attempt}:{round_}"
        when: dict[str, Any] = {"_defer_by": delay_s or None}
        if is_wanted and not delay_s:
            # arq takes the job with the earliest moment first.
            when = {"_defer_until": datetime.now(UTC) - _AHEAD, "_expires": _KEPT}
        try:
            await _briefly(self._redis.enqueue_job(RENDER_JOB, str(image_id), is_wanted, _job_id=job_id, **when))
            if not delay_s:
                await _briefly(self._redis.publish(names_of(self._redis).wake_channel, "1"))
        except (RedisError, OSError) as error:
            LOST_HINTS.inc()
            report_redis_error("enqueue", error)
            log.warning("job_lost", extra={"image_id": str(image_id), "reason": type(error).__name__})
            return False
        return True


async def _briefly(asking: Awaitable[object]) -> None:
    # Not asyncio.timeout, which waits for what it has cancelled: the client was seen to lose that while it connects
    # to a Redis that hangs, and to go on for its own 2 s.
    task = asyncio.ensure_future(asking)
    try:
        await asyncio.wait([task], timeout=_ENQUEUE_TIMEOUT_S)
        if not task.done():
            raise TimeoutError
        task.result()
    finally:
        # Nobody asks any more how it ended.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        task.cancel()
