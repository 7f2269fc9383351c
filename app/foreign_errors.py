"""Report errors of the parts that Safelight depends on: one log line a cause and minute, and a metric for every error.

The place that turns an error of the store, the database, Redis, the sandbox or the disk into one of ours calls
`report_foreign_error`, because callers then see only UNAVAILABLE and the operator needs the cause.
"""

import logging
import threading
import time
from typing import Literal

from app.telemetry import FOREIGN_ERRORS

log = logging.getLogger(__name__)

Part = Literal["store", "database", "redis", "sandbox", "disk"]

INTERVAL_S = 60.0
MAX_CAUSES = 256
"""Causes remembered at once. Codes come from other programs, so memory must not grow with what they invent."""
_MAX_TEXT = 200


class _Causes:
    """Counts of errors since their last log line, by cause."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged_at: dict[tuple[str, str, str], float] = {}
        self._held_back: dict[tuple[str, str, str], int] = {}

    def count(self, cause: tuple[str, str, str], now: float) -> int | None:
        """Number of errors to report now, this one included; None within a minute of the last line."""
        with self._lock:
            held_back = self._held_back.pop(cause, 0)
            logged_at = self._logged_at.get(cause)
            if logged_at is not None and now - logged_at < INTERVAL_S:
                self._held_back[cause] = held_back + 1
                return None
            self._logged_at.pop(cause, None)
            if len(self._logged_at) >= MAX_CAUSES:
                oldest = next(iter(self._logged_at))
                del self._logged_at[oldest]
                self._held_back.pop(oldest, None)
            self._logged_at[cause] = now
            return held_back + 1


_causes = _Causes()


def report_redis_error(operation: str, error: BaseException) -> None:
    """Report an error of Redis: by its own code (`NOPERM`, `WRONGPASS`), else by its class."""
    first = str(error).split(" ", 1)[0]
    report_foreign_error(
        "redis", operation=operation, code=first if first.isupper() else type(error).__name__, error=error
    )


def report_foreign_error(part: Part, *, operation: str, code: str, error: BaseException | None = None) -> None:
    """Log WARNING `foreign_error` at most once a minute for each part, operation and code; count every call.

    Args:
        operation: The method that failed, of a small fixed set: it is a label of the metric.
        code: The other side's own code, such as `AccessDenied`, `53300` or `ENOSPC`; the class where it has none.
        error: Its text becomes `reason`, cut at 200 characters. It may come from outside but must hold no secret.
    """
    FOREIGN_ERRORS.labels(part=part, operation=operation).inc()
    count = _causes.count((part, operation, code), time.monotonic())
    if count is None:
        return
    extra = {"part": part, "operation": operation, "code": code[:_MAX_TEXT], "count": count}
    if error is not None:
        extra["reason"] = f"{type(error).__name__}: {error}"[:_MAX_TEXT]
    log.warning("foreign_error", extra=extra)
