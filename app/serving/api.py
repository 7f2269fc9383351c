"""Run the API as a process: its socket, signals and logs."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv6Address

import uvicorn

from app.collector import keep_what_is_here
from app.connections.http import BoundedHttpProtocol
from app.connections.incomplete import IncompleteConnections
from app.connections.sockets import LightSocketProtocol
from app.descriptors import report_exhaustion_until_cancelled
from app.ending import end_tasks, start_loop
from app.hangup import end_with_terminal, terminate
from app.rate_limit import parse_networks
from app.settings import InvalidSettings, Settings
from app.shared_metrics import sharing_metrics
from app.telemetry import set_up_logging
from app.web import Server

log = logging.getLogger(__name__)

MAX_SOCKET_MESSAGE_BYTES = 65_536
PING_EVERY_S = 11
DRAIN_S = 6
_END_S = 2.5
USER_TIMEOUT_MS = 30_000
"""A peer that acknowledges nothing for this long is cut off; uvicorn itself waits for it for ever."""


def serve_api(settings: Settings) -> int:
    """Serve HTTP until SIGTERM or SIGINT; the exit status."""
    set_up_logging(settings.log_level, role="api")
    app = Server(settings)
    exempt = parse_networks(settings.trusted_proxies)
    incomplete = IncompleteConnections(settings.incomplete_connections, exempt=exempt)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Both are made like a class.
        http=partial(BoundedHttpProtocol, head_timeout_s=settings.head_timeout_s, incomplete=incomplete),  # type: ignore[arg-type]
        ws=partial(LightSocketProtocol, incomplete=incomplete),  # type: ignore[arg-type]
        ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
        # Compression takes 40 KB a socket, and saves nothing on messages as small as ours.
        ws_per_message_deflate=False,
        # As on event streams: proxies that close what is silent for 15 s or more leave sockets open.
        ws_ping_interval=PING_EVERY_S,
        timeout_keep_alive=30,
        backlog=2048,
        lifespan="on",
    )
    end_with_terminal(terminate)
    server = _Server(config, app)
    with sharing_metrics("api"):
        server.run(sockets=[_listen(settings)])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """uvicorn's server, which ends as asked and says so: stock it raises the signal again when all is done."""

    def __init__(self, config: uvicorn.Config, app: Server) -> None:
        super().__init__(config)
        self._app = app
        self._reporting: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Build the application and begin to serve."""
        await super().startup(sockets)
        self._reporting = [start_loop(report_exhaustion_until_cancelled, name="report-descriptors")]
        keep_what_is_here()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and wait for requests under way."""
        # uvicorn closes sockets by itself, but would wait for event streams until it loses its patience.
        self._app.prepare_to_stop()
        await super().shutdown(sockets)
        await end_tasks(self._reporting)

    async def _wait_tasks_to_complete(self) -> None:
        """Give requests under way their time; then break them off, before all that they work with is closed."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await super()._wait_tasks_to_complete()
        except TimeoutError:
            log.warning("requests_broken_off", extra={"count": len(self.server_state.tasks)})
            await end_tasks(self.server_state.tasks, within_s=_END_S)

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
    # `create_server` itself would leave IPv4 out.
    is_dual = family == socket.AF_INET6 and IPv6Address(settings.host).is_unspecified and socket.has_dualstack_ipv6()
    try:
        address = (settings.host, settings.port)
        listener = socket.create_server(address, family=family, backlog=2048, dualstack_ipv6=is_dual)
    except OSError as error:
        where = f"SAFELIGHT_HOST={settings.host} and SAFELIGHT_PORT={settings.port}"
        raise InvalidSettings(f"{where} cannot be listened on: {error.strerror}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    return listener
