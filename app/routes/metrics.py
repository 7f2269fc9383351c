"""/metrics: what this process counted, and what is counted when it is asked for."""

import asyncio
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from app.errors import Forbidden, Unauthorized
from app.routes.operations import Check, is_answering
from app.services.upkeep.figures import Figures, FiguresService
from app.shared_metrics import read_metrics

SCRAPED = {
    "safelight_part_up": "1 where a part that the server needs answers (as /readyz has it), else 0.",
    "safelight_workers": "Workers that reported within the last 10 s.",
    "safelight_queue_depth": "Variants that wait (planned) or are being made (rendering), up to 10,000.",
    "safelight_queue_oldest_seconds": "How long the oldest of them is in this state.",
    "safelight_upload_sessions": "Upload sessions that wait for bytes (open) or receive them, up to 10,000 of each.",
    "safelight_disk_free_bytes": "Free bytes of the file system of the data folder.",
    "safelight_disk_size_bytes": "All bytes of that file system.",
}
"""Metrics that are counted at the scrape, with their descriptions."""
# A proxy adds at least one of these, unless it is configured not to.
_FORWARDING_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@dataclass(frozen=True, slots=True)
class MetricsRoute:
    """Answers to the token, and without one to direct requests of this machine."""

    figures: FiguresService
    checks: Mapping[str, Check]
    token: SecretStr | None

    async def __call__(self, request: Request) -> Response:
        """Prometheus' text format.

        Raises:
            Unauthorized, Forbidden: the caller may not read the figures.
        """
        self._check_caller(request)
        parts, figures = await asyncio.gather(self._ask_parts(), self.figures.read())
        families = [*_describe_parts(parts), *_describe(figures)]
        content, media_type = await asyncio.to_thread(read_metrics, families)
        return Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})

    def _check_caller(self, request: Request) -> None:
        if self.token is not None:
            if not has_token(request.headers.get("authorization", ""), self.token):
                raise Unauthorized("Send SAFELIGHT_METRICS_TOKEN as Authorization: Bearer … to read /metrics.")
        elif not _is_direct(request):
            raise Forbidden("Only this machine may read /metrics. Set SAFELIGHT_METRICS_TOKEN to read it from others.")

    async def _ask_parts(self) -> Mapping[str, bool]:
        answers = await asyncio.gather(*(is_answering(check) for check in self.checks.values()))
        return dict(zip(self.checks, answers, strict=True))


def has_token(authorization: str, token: SecretStr | None) -> bool:
    """May a request with this header read the figures? Without a token every request may."""
    if token is None:
        return True
    scheme, _, value = authorization.partition(" ")
    right = token.get_secret_value().encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(value.strip().encode(), right)


def _is_direct(request: Request) -> bool:
    """Did a program on this machine send the request itself, without a proxy between?

    A proxy on this machine has a loopback address, too, but forwards the public name, adds a header or, as nginx does
    by default, speaks HTTP/1.0.
    """
    peer = request.client.host if request.client else ""
    return (
        _is_loopback(peer)
        and _is_loopback(_host_name(request.headers.get("host", "")))
        and request.scope["http_version"] != "1.0"
        and not any(name in request.headers for name in _FORWARDING_HEADERS)
    )


def _host_name(host: str) -> str:
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _describe_parts(parts: Mapping[str, bool]) -> Iterator[Metric]:
    family = _gauge("safelight_part_up", "part")
    for name, is_up in parts.items():
        family.add_metric([name], float(is_up))
    yield family


def _describe(figures: Figures) -> Iterator[Metric]:
    depth, age = _gauge("safelight_queue_depth", "state"), _gauge("safelight_queue_oldest_seconds", "state")
    now = datetime.now(UTC)
    for state, backlog in figures.queue.items():
        depth.add_metric([state.value], backlog.count)
        waited_s = (now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0
        age.add_metric([state.value], max(0, waited_s))
    sessions = _gauge("safelight_upload_sessions", "state")
    for session_state, count in figures.sessions.items():
        sessions.add_metric([session_state.value], count)
    yield from (depth, age, sessions)
    single = {
        "safelight_workers": figures.workers,
        "safelight_disk_free_bytes": figures.disk_free_bytes,
        "safelight_disk_size_bytes": figures.disk_size_bytes,
    }
    for name, value in single.items():
        if value is not None:
            family = _gauge(name)
            family.add_metric([], value)
            yield family


def _gauge(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, SCRAPED[name], labels=labels)
