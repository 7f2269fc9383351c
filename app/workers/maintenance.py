"""The sweep, every few seconds in every worker, apart from the queue that it mends."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from app.db.engine import utc_now
from app.services.upkeep.retention import RetentionService

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 5.0
DEEP_SWEEP_EVERY_S = 900.0
FIRST_DEEP_SWEEP_S = 60.0
ORPHAN_AGE = timedelta(minutes=10)
"""Not for safety, which needs no age, but so that the frequent sweep has had its turn."""


async def sweep_for_ever(
    retention: RetentionService, clear_scratch: Callable[[], None], *, every_s: float = SWEEP_EVERY_S
) -> None:
    """Mend what is broken, until cancelled; what cannot be mended now is tried again next time."""
    loop = asyncio.get_running_loop()
    deep_at = loop.time() + FIRST_DEEP_SWEEP_S
    while True:
        is_deep = loop.time() >= deep_at
        deep_at = loop.time() + DEEP_SWEEP_EVERY_S if is_deep else deep_at
        try:
            await retention.sweep()
            await asyncio.to_thread(clear_scratch)
            if is_deep:
                await retention.delete_orphans(older_than=ORPHAN_AGE)
                await retention.empty_object_trash(utc_now())
        except Exception as error:
            # Whatever it was: without the sweep, all that is lost stays lost.
            log.error("sweep_broken_off", exc_info=error)
        await asyncio.sleep(every_s)
