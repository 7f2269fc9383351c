"""The sweep, every few seconds in every worker, apart from the queue that it mends."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

from app.errors import SafelightError
from app.services.retention import RetentionService, remove_stale_scratch

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 5.0
DEEP_SWEEP_EVERY_S = 900.0
ORPHAN_AGE = timedelta(hours=1)


async def sweep_for_ever(retention: RetentionService, scratch_dir: Path) -> None:
    """Mend what is broken, until cancelled; a part of the house that is away is tried again next time."""
    loop = asyncio.get_running_loop()
    deep_at = loop.time() + 60
    while True:
        is_deep = loop.time() >= deep_at
        deep_at = loop.time() + DEEP_SWEEP_EVERY_S if is_deep else deep_at
        try:
            await retention.sweep()
            if is_deep:
                await retention.delete_orphans(older_than=ORPHAN_AGE)
                await asyncio.to_thread(remove_stale_scratch, scratch_dir)
        except SafelightError as error:
            log.warning("sweep_put_off", extra={"reason": error.code.value})
        await asyncio.sleep(SWEEP_EVERY_S)
