"""The figures that are counted at a scrape: they must be right exactly when no worker lives to report them."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.db.engine import Database
from app.db.figures import Backlog, count_open_sessions, measure_queue
from app.domain.states import SessionState
from app.domain.variants import VariantState
from app.errors import SafelightError
from app.jobs import count_workers

KEPT_S = 5.0
"""However often figures are asked for, they are counted once in this time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted; empty or None where the part that knows does not answer."""

    queue: Mapping[VariantState, Backlog]
    sessions: Mapping[SessionState, int]
    workers: int | None
    disk_free_bytes: int | None
    disk_size_bytes: int | None


class FiguresService:
    """Counts, and keeps the result for `KEPT_S`."""

    def __init__(self, database: Database, redis: Redis, data_dir: Path) -> None:
        self._database = database
        self._redis = redis
        self._data_dir = data_dir
        self._counting = asyncio.Lock()
        self._kept: Figures | None = None
        self._counted_at = 0.0

    async def read(self) -> Figures:
        """The figures, at most `KEPT_S` old. Never fails."""
        async with self._counting:
            if self._kept is None or time.monotonic() > self._counted_at + KEPT_S:
                self._kept = await self._count()
                self._counted_at = time.monotonic()
            return self._kept

    async def _count(self) -> Figures:
        queue: Mapping[VariantState, Backlog] = {}
        sessions: Mapping[SessionState, int] = {}
        try:
            async with self._database.read() as db:
                queue, sessions = await measure_queue(db), await count_open_sessions(db)
        except SafelightError:
            pass  # the database's own entry of `safelight_part_up` says so
        free_bytes, size_bytes = await asyncio.to_thread(_measure_disk, self._data_dir)
        return Figures(queue, sessions, await self._count_workers(), free_bytes, size_bytes)

    async def _count_workers(self) -> int | None:
        try:
            return await count_workers(self._redis)
        except (RedisError, OSError):
            return None


def _measure_disk(folder: Path) -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total
