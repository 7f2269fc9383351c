"""Warnings about requests: once a cause and minute, because clients can repeat their cause as often as they like."""

import logging
import time

INTERVAL_S = 60.0
MAX_CAUSES = 20
"""Causes named within a minute. Clients invent them, so neither memory nor the log may grow with their number."""


class ThrottledWarning:
    """One event of the log."""

    def __init__(self, log: logging.Logger, event: str) -> None:
        self._log = log
        self._event = event
        self._logged_at: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def report(self, cause: str, **facts: object) -> None:
        """Log WARNING with the facts and the count since the last line of this cause, or only count."""
        now = time.monotonic()
        logged_at = self._logged_at.get(cause)
        if logged_at is not None and now - logged_at < INTERVAL_S:
            self._held_back[cause] = self._held_back.get(cause, 0) + 1
            return
        if logged_at is None and not self._has_room(now):
            return
        self._logged_at[cause] = now
        self._log.warning(self._event, extra={**facts, "count": self._held_back.pop(cause, 0) + 1})

    def _has_room(self, now: float) -> bool:
        if len(self._logged_at) >= MAX_CAUSES:
            old = [cause for cause, logged_at in self._logged_at.items() if now - logged_at >= INTERVAL_S]
            for cause in old:
                del self._logged_at[cause]
                self._held_back.pop(cause, None)
        return len(self._logged_at) < MAX_CAUSES
