"""Run a worker as a process: its cage, its loop, its logs."""

import asyncio
import logging
from pathlib import Path

import uvloop
from redis.exceptions import RedisError

from app.adapters import budget_of
from app.collector import keep_what_is_here
from app.container import open_container
from app.hangup import end_with_terminal, terminate
from app.rendering.sandbox import Cage
from app.rendering.scratch import sweep
from app.services.uploads.scratch import clear_scratch
from app.serving.metrics_port import serve_metrics
from app.settings import Settings
from app.shared_metrics import sharing_metrics
from app.telemetry import set_up_logging
from app.workers.images import RenderTools
from app.workers.main import WorkerParts, work_until_stopped
from app.workers.memory import read_memory_bytes
from app.workers.queue_worker import SPARE_SLOTS
from app.workers.replacing import Judge

log = logging.getLogger(__name__)


def serve_worker(settings: Settings) -> int:
    """Render until SIGTERM or SIGINT; the exit status.

    Raises:
        InvalidSettings: its figures cannot be served where they should be.
    """
    set_up_logging(settings.log_level, role="worker")
    end_with_terminal(terminate)
    if settings.metrics_port is not None:
        serve_metrics(settings.host, settings.metrics_port, token=settings.metrics_token)
    try:
        with sharing_metrics("worker"), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(settings))
    except (RedisError, OSError) as error:
        log.error("worker_lost_redis", extra={"reason": type(error).__name__})
        return 1
    return 0


async def _work(settings: Settings) -> None:
    async with open_container(settings, listens=False) as container:
        cage_dir = settings.scratch_dir / "cage"
        slots = settings.workers + SPARE_SLOTS
        cage = Cage(slots=slots, scratch_dir=cage_dir, allow_unsandboxed=settings.allow_unsandboxed)
        await cage.start()
        try:
            budget = budget_of(settings)
            judge = Judge(container.swaps, container.store, cage, budget=budget, scratch_dir=container.scratch_dir)
            tools = RenderTools(
                container.claims,
                container.store,
                cage,
                budget,
                container.scratch_dir,
                judge,
                memory_bytes=read_memory_bytes(),
            )
            parts = WorkerParts(
                tools,
                container.retention,
                container.view_keeper,
                container.importer,
                container.redis,
                settings.redis_url or "",
                settings.workers,
                clear_scratch=lambda: _clear(settings.scratch_dir, cage_dir),
                sweep_every_s=settings.sweep_every_s,
            )
            keep_what_is_here()
            await work_until_stopped(parts)
        finally:
            await cage.close()


def _clear(scratch_dir: Path, cage_dir: Path) -> None:
    clear_scratch(scratch_dir)
    sweep(cage_dir)
