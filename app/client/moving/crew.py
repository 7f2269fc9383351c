"""Many images at once: one lists, some copy; after what ends one of them for good none is begun any more."""

import asyncio

from app.client.moving.codes import ENDING_CODES
from app.client.moving.copying import Copier, Way
from app.client.moving.items import OldImage
from app.client.moving.reports import Report, Tally
from app.client.moving.walking import walk
from app.client.problems import Problem

# Listed and not yet begun, for each that copies: lists come by the hundred.
_WAITING = 4


class Crew:
    """Goes through an account once."""

    def __init__(self, way: Way, copier: Copier, report: Report, tally: Tally, *, is_dry: bool) -> None:
        self._way = way
        self._copier = copier
        self._report = report
        self._tally = tally
        self._is_dry = is_dry
        self._ended_by: Problem | None = None

    async def work(self, *, parallel: int) -> Problem | None:
        """Copy everything, `parallel` images at once; what ended it early, if anything did.

        What is on its way then is seen through: its room is taken, and its bytes may have come.
        """
        queue: asyncio.Queue[OldImage | None] = asyncio.Queue(parallel * _WAITING)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._list(queue, parallel))
            for _ in range(parallel):
                group.create_task(self._copy(queue))
        return self._ended_by

    async def _list(self, queue: asyncio.Queue[OldImage | None], parallel: int) -> None:
        try:
            async for image in walk(self._way.source):
                if self._ended_by is not None:
                    break
                await self._take(image, queue)
            else:
                self._tally.is_all_listed = True
        except Problem as problem:
            self._ended_by = self._ended_by or problem
        for _ in range(parallel):
            await queue.put(None)

    async def _take(self, image: OldImage, queue: asyncio.Queue[OldImage | None]) -> None:
        self._tally.listed += 1
        is_there = image.old_id in self._way.journal.moved
        self._tally.skipped += is_there
        if self._is_dry:
            self._report.planned(image, is_there=is_there)
        elif not is_there:
            await queue.put(image)
        self._report.advanced()

    async def _copy(self, queue: asyncio.Queue[OldImage | None]) -> None:
        while (image := await queue.get()) is not None:
            # What was listed and not begun is taken off, so that whoever lists is not kept waiting.
            if self._ended_by is None:
                await self._copy_one(image)

    async def _copy_one(self, image: OldImage) -> None:
        try:
            moved = await self._copier.copy(image)
        except Problem as problem:
            if problem.code in ENDING_CODES:
                self._ended_by = self._ended_by or problem
                return
            await self._note_failed(image, problem)
        else:
            self._tally.moved += 1
            self._tally.moved_bytes += moved.byte_size
            self._report.moved(image, moved)
        self._report.advanced()

    async def _note_failed(self, image: OldImage, problem: Problem) -> None:
        self._tally.failed[image.old_id] = problem
        self._report.failed(image, problem)
        try:
            await self._way.journal.note_failed(image.old_id, problem)
        except Problem as unwritten:
            self._ended_by = self._ended_by or unwritten
