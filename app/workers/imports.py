"""Imports in a worker: a few at a time beside the rendering, so that a slow host holds up no picture."""

import asyncio
import contextlib
import logging

from app.db.records import SessionRecord
from app.ending import end_tasks
from app.errors import Conflict, SafelightError, Unavailable, UploadExpired
from app.ids import SessionId
from app.services.uploads.importing import Importer

log = logging.getLogger(__name__)

SLOTS = 4
LOOK_EVERY_S = 1.0
"""How often it looks by itself; a message on the import channel is faster, and may be lost."""
_PAUSE_S = 5.0
"""After a fault of our own, as what follows would meet it too."""


class ImportLoop:
    """Finds imports that wait, and runs them. The rows are the queue: a lease says who is at which."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        self._running: dict[SessionId, asyncio.Task[None]] = {}
        self._paused_until = 0.0
        self.woken = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is handed back."""
        try:
            while True:
                self.woken.clear()
                await self._start_waiting()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self.woken.wait()
        finally:
            await end_tasks(self._running.values())

    async def _start_waiting(self) -> None:
        if len(self._running) >= SLOTS or asyncio.get_running_loop().time() < self._paused_until:
            return
        try:
            waiting = await self._importer.list_waiting(limit=2 * SLOTS)
        except SafelightError as error:
            # The database has reported its own error; this comes every second.
            log.debug("imports_put_off", extra={"reason": error.code.value})
            return
        for session in waiting:
            if len(self._running) < SLOTS and session.id not in self._running:
                self._running[session.id] = asyncio.create_task(self._run_one(session), name="import")

    async def _run_one(self, session: SessionRecord) -> None:
        is_over = True
        try:
            is_over = await self._import(session)
        finally:
            del self._running[session.id]
            if is_over:
                # A slot is free. What was refused may be found again as it was: no hurry then.
                self.woken.set()

    async def _import(self, session: SessionRecord) -> bool:
        """Carry one out; False where there was nothing to do."""
        facts = {"session_id": str(session.id)}
        try:
            await self._importer.run(session)
            log.info("import_fetched", extra=facts)
        except (Conflict, UploadExpired):
            log.debug("import_taken", extra=facts)
            return False
        except Unavailable as error:
            self._pause()
            log.warning("import_put_off", extra={**facts, "reason": error.code.value})
        except SafelightError as error:
            log.info("import_refused", extra={**facts, "reason": error.code.value})
        except Exception as error:
            self._pause()
            log.error("import_bug", exc_info=error, extra=facts)
        return True

    def _pause(self) -> None:
        self._paused_until = asyncio.get_running_loop().time() + _PAUSE_S
