"""JSON log lines with the request they belong to, and the Prometheus metrics of the house."""

import logging
import sys
from contextvars import ContextVar

from prometheus_client import Counter, Gauge, Histogram
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request or job that is being served, for log lines and error answers."""


class _ContextFilter(logging.Filter):
    """Adds the request id to every line written while a request is served."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        current = request_id.get()
        if current is not None:
            record.request_id = current
        return True


def set_up_logging(level: str, *, role: str) -> None:
    """Write one JSON object a line to stderr; `role` (api, worker …) stands in each.

    The level is for our own lines. Libraries speak from `warning` on, whatever it is: below that they tell of addresses
    with their queries, of headers and of what is sent, and with them of keys, tokens and signatures.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_ContextFilter())
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "message": "event"},
            static_fields={"role": role},
            # uvicorn's own message once more, for a terminal.
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    own_level = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(logging.WARNING, own_level))
    logging.getLogger("app").setLevel(own_level)
    # That it starts and stops. Of requests and sockets it tells elsewhere: `uvicorn.access`, app.connections.
    logging.getLogger("uvicorn.error").setLevel(max(logging.INFO, own_level))
    # It warns of each malformed form, which is its client's fault and answered as such.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_MILLISECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

HTTP_REQUESTS = Counter("safelight_http_requests_total", "HTTP requests by route and status.", ["route", "status"])
HTTP_SECONDS = Histogram(
    "safelight_http_request_seconds", "Time to the end of the answer, by route.", ["route"], buckets=_SECONDS
)
UPLOADS = Counter(
    "safelight_uploads_total", "Uploads by how they ended: created, duplicate, or the error's code.", ["outcome"]
)
UPLOAD_BYTES = Counter("safelight_upload_bytes_total", "Bytes of uploads as they arrived.")
RENDERS = Counter(
    "safelight_renders_total", "Variants by family and how they ended: ready, failed, retried.", ["family", "outcome"]
)
RENDER_SECONDS = Histogram(
    "safelight_render_seconds", "Time the caged child took for one variant, by family.", ["family"], buckets=_SECONDS
)
DECODE_SECONDS = Histogram(
    "safelight_decode_seconds", "Time from the start of a job to the verdict on its picture.", buckets=_SECONDS
)
SANDBOX_KILLS = Counter(
    "safelight_sandbox_kills_total",
    "Sandboxed processes that were ended, by reason: killed (from outside), wall_time, cpu_time, threads, bytes, line "
    "(limits of the sandbox), crash.",
    ["reason"],
)
LAST_SWEEP = Gauge(
    "safelight_last_sweep_timestamp_seconds",
    "When a worker last ended a sweep of which no part was put off.",
)
KEPT_ORPHANS = Gauge(
    "safelight_kept_orphans",
    "Objects without a row that the last look over the whole store found and did not delete, as they were too many.",
)
REFUSED_SWEEPS = Counter(
    "safelight_refused_sweeps_total", "Looks over the whole store that deleted nothing, as it is another instance's."
)
DELETED_ORPHANS = Counter(
    "safelight_deleted_orphans_total", "Objects without a row that the sweep moved to the store's trash."
)
SUBSCRIBERS = Gauge("safelight_subscribers", "Open subscriptions.")
PUSH_DELAY_SECONDS = Histogram(
    "safelight_push_delay_seconds",
    "From the commit of a change to its being handed to the subscribers of this process.",
    buckets=_MILLISECONDS,
)
LOST_HINTS = Counter(
    "safelight_lost_hints_total", "Events and jobs that Redis did not take; the sweep makes up for them."
)
FOREIGN_ERRORS = Counter(
    "safelight_foreign_errors_total",
    "Errors of the parts that Safelight depends on, by part (store, database, redis, sandbox, disk) and operation.",
    ["part", "operation"],
)
COUNTED_ALONE = Counter(
    "safelight_rates_counted_alone_total",
    "Requests whose rate this process counted by itself, as Redis did not answer.",
)
LOST_VIEWS = Counter("safelight_lost_views_total", "Views that were not counted, as Redis was away for long.")
DELIVERIES = Counter(
    "safelight_deliveries_total",
    "Answers on picture routes, by status and whether a cache had it.",
    ["status", "cache"],
)
