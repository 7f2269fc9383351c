"""Run the API and the worker as processes: sockets, signals, logs."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
import uvloop
from prometheus_client import start_http_server
from redis.exceptions import RedisError

from app.adapters import budget_of
from app.connections import BoundedHttpProtocol, LightSocketProtocol
from app.container import open_container
from app.rendering.sandbox import Cage
from app.rendering.scratch import sweep
from app.services.uploads.scratch import clear_scratch
from app.settings import InvalidSettings, Settings
from app.telemetry import set_up_logging
from app.web import Server
from app.workers.images import RenderTools
from app.workers.main import WorkerParts, work_until_stopped
from app.workers.replacing import Judge

log = logging.getLogger(__name__)

MAX_SOCKET_MESSAGE_BYTES = 65_536
DRAIN_S = 6
USER_TIMEOUT_MS = 30_000
"""A peer that acknowledges nothing for this long is cut off; uvicorn itself waits for it for ever."""


def serve_api(settings: Settings) -> int:
    """Serve HTTP until SIGTERM or SIGINT; the exit status."""
    set_up_logging(settings.log_level, role="api")
    config = uvicorn.Config(
        Server(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=BoundedHttpProtocol,
        ws=LightSocketProtocol,
        ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
        # Compression takes 40 KB a socket, and saves nothing on messages as small as ours.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=DRAIN_S,
        timeout_keep_alive=30,
        backlog=2048,
        lifespan="on",
    )
    server = _Server(config)
    server.run(sockets=[_listen(settings)])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """uvicorn's server, which ends as asked and says so: stock it raises the signal again when all is done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen for SIGTERM and SIGINT while the context lasts."""
        kept = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        where = f"SAFELIGHT_HOST={settings.host} and SAFELIGHT_PORT={settings.port}"
        raise InvalidSettings(f"{where} cannot be listened on: {error.strerror}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    return listener


def serve_worker(settings: Settings) -> int:
    """Render until SIGTERM or SIGINT; the exit status."""
    set_up_logging(settings.log_level, role="worker")
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(settings))
    except (RedisError, OSError) as error:
        log.error("worker_lost_redis", extra={"reason": type(error).__name__})
        return 1
    return 0


async def _work(settings: Settings) -> None:
    async with open_container(settings, listens=False) as container:
        cage_dir = settings.scratch_dir / "cage"
        cage = Cage(slots=settings.workers, scratch_dir=cage_dir, allow_unsandboxed=settings.allow_unsandboxed)
        await cage.start()
        try:
            budget = budget_of(settings)
            judge = Judge(container.swaps, container.store, cage, budget=budget, scratch_dir=container.scratch_dir)
            tools = RenderTools(container.claims, container.store, cage, budget, container.scratch_dir, judge)
            parts = WorkerParts(
                tools,
                container.retention,
                container.view_keeper,
                container.importer,
                container.redis,
                settings.redis_url or "",
                settings.workers,
                clear_scratch=lambda: _clear(settings.scratch_dir, cage_dir),
            )
            await work_until_stopped(parts)
        finally:
            await cage.close()


def _clear(scratch_dir: Path, cage_dir: Path) -> None:
    clear_scratch(scratch_dir)
    sweep(cage_dir)
