"""The worker process: arq with our one job, woken by a message instead of by polling."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from arq.worker import func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.ending import end_tasks, start_loop
from app.errors import SafelightError
from app.ids import ImageId, make_uuid, parse_uuid
from app.jobs import (
    RENDER_JOB,
    deserialize_job,
    note_worker,
    redis_settings,
    serialize_job,
)
from app.redis_names import names_of
from app.rendering.sandbox import Cage
from app.services.delivery.views import ViewKeeper
from app.services.making.starved import StarvedRetries
from app.services.upkeep.retention import RetentionService
from app.services.uploads.importing import Importer
from app.telemetry import request_id
from app.workers.images import RenderTools, render, render_wanted
from app.workers.imports import ImportLoop
from app.workers.maintenance import SWEEP_EVERY_S, sweep_for_ever
from app.workers.queue_worker import QueueWorker

log = logging.getLogger(__name__)

JOB_TIMEOUT_S = 240
DRAIN_S = 6
_END_S = 3.0
_RETRY_STARVED_S = 5.0
BEAT_EVERY_S = 4.0


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker process works with."""

    tools: RenderTools
    retention: RetentionService
    views: ViewKeeper
    importer: Importer
    redis: Redis
    redis_url: str
    slots: int
    """Of either kind of job; the cage has `SPARE_SLOTS` more."""
    clear_scratch: Callable[[], None]
    """Removes the files that killed processes have left."""
    sweep_every_s: float = SWEEP_EVERY_S


async def render_image(context: dict[Any, Any], image_id: str, is_wanted: object = False) -> None:
    """The job. Its arguments come from Redis, and are believed no more than that."""
    parsed = parse_uuid(image_id)
    if parsed is None:
        log.error("job_malformed")
        return
    token = request_id.set(str(context["job_id"]))
    try:
        await (render_wanted if is_wanted is True else render)(context["tools"], ImageId(parsed))
    except SafelightError as error:
        # The rows could not be asked or told: the lease runs out, and the sweep asks again.
        log.warning("render_put_off", extra={"image_id": image_id, "reason": error.code.value})
    finally:
        request_id.reset(token)


async def work_until_stopped(parts: WorkerParts) -> None:
    """Render and sweep until SIGTERM or SIGINT; running jobs get `DRAIN_S` seconds to finish.

    Raises:
        RedisError, OSError: Redis went away for longer than a moment; whoever started this starts it again.
    """
    worker = QueueWorker(
        functions=[func(render_image, name=RENDER_JOB, max_tries=3)],  # type: ignore[arg-type]  # its protocol wants *args
        redis_settings=redis_settings(parts.redis_url),
        queue_name=names_of(parts.redis).queue,
        slots=parts.slots,
        job_timeout=JOB_TIMEOUT_S,
        job_completion_wait=DRAIN_S,
        # The rows know how a job ended, and a kept result would keep its id from being asked again.
        keep_result=0,
        health_check_interval=60,
        job_serializer=serialize_job,
        job_deserializer=deserialize_job,
        log_results=False,
        ctx={"tools": parts.tools},
    )
    async with _beside(parts, worker):
        try:
            await worker.async_run()
        except asyncio.CancelledError:
            log.info("worker_stopped")
        finally:
            await worker.close()


@contextlib.asynccontextmanager
async def _beside(parts: WorkerParts, worker: QueueWorker) -> AsyncIterator[None]:
    """What runs beside the jobs: imports, the sweep, the ears for wake-ups, the sign of life."""
    imports = ImportLoop(parts.importer)
    name, names = str(make_uuid()), names_of(parts.redis)
    loops: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "imports": imports.run,
        "import-listener": lambda: _listen(parts.redis, names.import_channel, imports.woken),
        "sweep": lambda: sweep_for_ever(parts.retention, parts.clear_scratch, every_s=parts.sweep_every_s),
        "starved": lambda: _retry_starved(parts.retention.starved, parts.tools.memory_bytes),
        "views": parts.views.settle_for_ever,
        "wake-listener": lambda: _listen(parts.redis, names.wake_channel, worker.woken),
        "worker-beat": lambda: _beat(parts.redis, name, parts.tools.cage),
    }
    tasks = [start_loop(loop, name=loop_name) for loop_name, loop in loops.items()]
    try:
        yield
    finally:
        await end_tasks(tasks, within_s=_END_S)


async def _retry_starved(starved: StarvedRetries, memory_bytes: int) -> None:
    """Once, at the start: this worker may have more memory than the one on which images ran out of it."""
    while True:
        try:
            count = await starved.retry(memory_bytes=memory_bytes)
        except SafelightError:
            await asyncio.sleep(_RETRY_STARVED_S)
            continue
        if count:
            log.info("starved_images_retried", extra={"count": count, "memory_bytes": memory_bytes})
        return


async def _listen(redis: Redis, name: str, woken: asyncio.Event) -> None:
    while True:
        try:
            async with redis.pubsub() as channel:
                await channel.subscribe(name)
                # Jobs asked for while nobody listened are found by the look that follows.
                woken.set()
                while True:
                    if await channel.get_message(ignore_subscribe_messages=True, timeout=5) is not None:
                        woken.set()
        except (RedisError, OSError):
            await asyncio.sleep(0.2)


async def _beat(redis: Redis, name: str, cage: Cage) -> None:
    while True:
        with contextlib.suppress(RedisError, OSError):
            await note_worker(redis, name, landlock_abi=cage.landlock_abi)
        await asyncio.sleep(BEAT_EVERY_S)
