"""Many files become images: open a session, watch it, send the bytes, see it complete; several at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.client.answers import Readiness, Session
from app.client.control import Control
from app.client.files import Picture, examine
from app.client.patience import keep_trying
from app.client.problems import ClientCode, Problem
from app.client.reports import Outcome, Report
from app.client.sending import Sender
from app.client.watching import Watcher
from app.client.wishes import Wishes
from app.ending import end_tasks

T = TypeVar("T")

# Images that are being watched while others are being sent: enough to keep a renderer busy behind a fast line.
WATCHED_AT_ONCE = 16
# A server notices within a moment that the connection of an interrupted upload is gone.
CANCEL_TIMEOUT_S = 5.0
CANCEL_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Connections:
    """The three ways to a server: queries and mutations, bytes, subscriptions."""

    control: Control
    sender: Sender
    watcher: Watcher


class Uploader:
    """Sends files, at most `parallel` at once, and tells `report` what happens."""

    def __init__(self, connections: Connections, wishes: Wishes, report: Report, *, parallel: int, waits: bool) -> None:
        self._connections = connections
        self._wishes = wishes
        self._report = report
        self._sending = asyncio.Semaphore(parallel)
        self._waits = waits
        self._open: dict[Path, str] = {}
        """Sessions whose file has not arrived."""
        self.outcomes: list[Outcome] = []

    async def upload(self, files: Iterable[Path | tuple[Path, Problem]]) -> None:
        """See every file through; none keeps the others from theirs."""
        queue = iter(files)
        async with asyncio.TaskGroup() as group:
            for _ in range(WATCHED_AT_ONCE):
                group.create_task(self._work(queue))

    async def cancel_open(self) -> dict[Path, bool]:
        """Cancel every session whose file has not arrived: whether it could be. Those that could not expire."""
        sessions = dict(self._open)
        answers = await asyncio.gather(*map(self._cancel, sessions.values()))
        return dict(zip(sessions, answers, strict=True))

    async def _work(self, queue: Iterator[Path | tuple[Path, Problem]]) -> None:
        for item in queue:
            if isinstance(item, tuple):
                self._end(Outcome(item[0], problem=item[1]))
                continue
            try:
                self._end(await self._upload_one(item))
            except Problem as problem:
                self._end(Outcome(item, problem=problem))

    async def _upload_one(self, path: Path) -> Outcome:
        watching: asyncio.Task[Readiness] | None = None
        try:
            async with self._sending:
                picture = await asyncio.to_thread(examine, path)
                session = await self._open_session(picture)
                # Watching begins before the first byte goes: nothing can be missed.
                watching = self._watch(path, session.image_id) if self._waits else None
                image_id, is_duplicate = await self._send(picture, session)
            if watching is None:
                readiness = await self._retrying(path, partial(self._connections.control.read_image, image_id))
                return Outcome(path, readiness, picture.byte_size, is_duplicate)
            return Outcome(path, await watching, picture.byte_size, is_duplicate)
        finally:
            await end_tasks([watching])

    async def _open_session(self, picture: Picture) -> Session:
        wanted = self._wishes.for_file(picture.path.name, picture.byte_size, picture.sha256)
        opening = partial(self._connections.control.open_session, wanted)
        session = await self._retrying(picture.path, opening)
        self._open[picture.path] = session.id
        self._report.opened(picture.path, session.image_id, picture.byte_size)
        return session

    async def _send(self, picture: Picture, session: Session) -> tuple[str, bool]:
        if session.token is None:
            # The server knows these bytes by their SHA-256: there is nothing to send.
            del self._open[picture.path]
            return session.image_id, True
        try:
            receipt = await self._connections.sender.send(
                picture,
                session,
                on_sent=partial(self._report.sent, picture.path),
                on_problem=partial(self._report.trying_again, picture.path),
            )
        except Problem as problem:
            del self._open[picture.path]
            # What the server refused is closed; what went wrong here would hold its reservation until it expires.
            if problem.code in set(ClientCode):
                await self._cancel(session.id)
            raise
        del self._open[picture.path]
        return receipt.image_id, receipt.is_duplicate

    def _watch(self, path: Path, image_id: str) -> asyncio.Task[Readiness]:
        following = self._connections.watcher.follow(
            image_id,
            on_change=partial(self._report.changed, path),
            on_problem=partial(self._report.trying_again, path),
        )
        return asyncio.create_task(following)

    async def _retrying(self, path: Path, attempt: Callable[[], Awaitable[T]]) -> T:
        return await keep_trying(attempt, partial(self._report.trying_again, path))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._report.ended(outcome)

    async def _cancel(self, session_id: str) -> bool:
        with contextlib.suppress(TimeoutError, Problem):
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                while not await self._is_cancelled(session_id):  # noqa: ASYNC110  (the server's state, not ours)
                    await asyncio.sleep(CANCEL_PAUSE_S)
                return True
        return False

    async def _is_cancelled(self, session_id: str) -> bool:
        try:
            await self._connections.control.cancel_session(session_id)
        except Problem as problem:
            # The server still believes that bytes are coming.
            if problem.code == "CONFLICT":
                return False
            raise
        return True
