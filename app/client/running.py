"""One call of `safelight upload`, from the greeting to the exit status."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.client.address import Address
from app.client.answers import Server
from app.client.control import Control, control_of
from app.client.files import list_files
from app.client.problems import ClientCode, Problem
from app.client.reports import Ending, Report
from app.client.sending import TIMEOUT, Sender
from app.client.uploading import Connections, Uploader
from app.client.watching import Watcher
from app.client.wishes import Wishes

# As shells report a program that Ctrl-C ended.
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Run:
    """What one call of the command is to do."""

    address: Address
    wishes: Wishes
    paths: Sequence[Path]
    parallel: int
    """Files sent at once."""
    waits: bool
    """Until the variants are ready."""


def run_upload(run: Run, report: Report) -> int:
    """See everything through; the exit status: 0 all went well, 1 something did not, 130 interrupted."""
    return run_to_status(_upload(run, report), report.gave_up)


def run_to_status(work: Coroutine[object, object, int], give_up: Callable[[Problem], None]) -> int:
    """Run a command's work in an event loop of its own; its exit status, whatever ends it.

    `give_up` tells of a problem because of which nothing could begin.
    """
    try:
        with asyncio.Runner() as runner:
            return runner.run(work)
    except Problem as problem:
        give_up(problem)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        # Pressed before anything began, or a second time: who cannot wait leaves sessions that expire by themselves.
        return INTERRUPTED


async def _upload(run: Run, report: Report) -> int:
    end_on_sigterm()
    started_at = time.monotonic()
    async with control_of(run.address) as control, httpx.AsyncClient(timeout=TIMEOUT) as http:
        server = await _greet(control, run.address)
        files = list(list_files(run.paths))
        connections = Connections(control, Sender(http), Watcher(run.address))
        uploader = Uploader(connections, run.wishes, report, parallel=run.parallel, waits=run.waits)
        with report:
            report.begin(server, len(files))
            cancelled, is_interrupted = await _until_interrupted(uploader, files)
            report.summed_up(Ending(uploader.outcomes, cancelled, is_interrupted, time.monotonic() - started_at))
    if is_interrupted:
        return INTERRUPTED
    return 0 if all(outcome.is_good for outcome in uploader.outcomes) else 1


async def _until_interrupted(
    uploader: Uploader, files: Sequence[Path | tuple[Path, Problem]]
) -> tuple[dict[Path, bool], bool]:
    try:
        await uploader.upload(files)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        # Taken note of: what follows must be able to wait.
        task.uncancel()
        return await uploader.cancel_open(), True
    return {}, False


async def _greet(control: Control, address: Address) -> Server:
    try:
        return await control.greet()
    except Problem as problem:
        if problem.code == ClientCode.UNREACHABLE:
            hint = f"{problem.message} Is Safelight running there? --url or SAFELIGHT_URL says where to look."
            raise Problem(problem.code, hint) from problem
        raise


def end_on_sigterm() -> None:
    """Let SIGTERM end the current task as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
