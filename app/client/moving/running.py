"""One call of `safelight import`, from the greeting to the exit status."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.client.address import Address
from app.client.control import control_of
from app.client.moving.albums import albums_of
from app.client.moving.answers import NewServer
from app.client.moving.copying import Copier, Way
from app.client.moving.crew import Crew
from app.client.moving.items import Source
from app.client.moving.journal import Journal, Move, open_journal, read_journal
from app.client.moving.mapping import check_writable, write_mapping
from app.client.moving.old_site import TIMEOUT, OldAddress, OldSite, check_location
from app.client.moving.reports import Ending, Report, Tally
from app.client.moving.target import Target
from app.client.problems import ClientCode, Problem
from app.client.running import INTERRUPTED, end_on_sigterm, run_to_status
from app.client.sending import TIMEOUT as SENDING_TIMEOUT


@dataclass(frozen=True, slots=True)
class Import:
    """What one call of the command is to do."""

    system: str
    old: OldAddress
    new: Address
    make_source: Callable[[OldSite], Source]
    account_name: str
    """Tells two old accounts of one root apart, where the system's API does so."""
    journal: Path
    mapping: Path
    parallel: int
    """Images copied at once."""
    is_dry: bool
    processing: Mapping[str, object] | None


def run_import(run: Import, report: Report) -> int:
    """See everything through; the exit status: 0 all went well, 1 something did not, 130 interrupted."""
    return run_to_status(_import(run, report), report.gave_up)


async def _import(run: Import, report: Report) -> int:
    end_on_sigterm()
    async with (
        control_of(run.new) as control,
        httpx.AsyncClient(timeout=TIMEOUT, event_hooks={"response": [check_location]}) as old_http,
        httpx.AsyncClient(timeout=SENDING_TIMEOUT) as new_http,
    ):
        target = Target(control, new_http, report.trying_again)
        server = await _greet(target, run.new)
        site = OldSite(old_http, run.old, report.trying_again)
        with _open_journal(run, server) as journal, report:
            source = run.make_source(site)
            albums = albums_of(await source.albums(), target)
            return await _move(run, report, Way(source, site, target, server, journal, albums, run.processing))


async def _move(run: Import, report: Report, way: Way) -> int:
    tally, started_at = Tally(), time.monotonic()
    report.begin(way.server, tally)
    crew = Crew(way, Copier(way), report, tally, is_dry=run.is_dry)
    problem, is_interrupted = await _until_interrupted(_work(run, way, crew, report))
    if tally.listed == 0 and problem is not None:
        # It is one line that is wanted, where nothing could begin.
        raise problem
    mapping, unwritten = (None, None) if run.is_dry else await _write_mapping(run)
    ending = Ending(run.is_dry, is_interrupted, problem or unwritten, time.monotonic() - started_at, mapping)
    report.summed_up(tally, ending)
    if is_interrupted:
        return INTERRUPTED
    return 0 if ending.is_good(tally) else 1


async def _work(run: Import, way: Way, crew: Crew, report: Report) -> Problem | None:
    """Albums, images, sizes; what ended it early, if anything did."""
    try:
        if not run.is_dry:
            await way.albums.make_all()
        problem = await crew.work(parallel=run.parallel if way.server.may_upload_many else 1)
        if problem is None and not run.is_dry:
            await _make_presets(way, report)
    except Problem as error:
        return error
    return problem


async def _until_interrupted(work: Coroutine[None, None, Problem | None]) -> tuple[Problem | None, bool]:
    try:
        return await work, False
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        # Taken note of: what follows must be able to wait.
        task.uncancel()
        return None, True


async def _make_presets(way: Way, report: Report) -> None:
    """The sizes that addresses name. Images are not given up for them: what is not taken is told."""
    try:
        presets = await way.source.presets()
    except Problem as problem:
        report.left_out("sizes", problem)
        return
    for preset in presets:
        try:
            await way.target.make_preset(preset)
        except Problem as problem:
            report.left_out(f"size {preset.name}", problem)


async def _write_mapping(run: Import) -> tuple[str | None, Problem | None]:
    try:
        await asyncio.to_thread(write_mapping, run.journal, run.mapping)
    except Problem as problem:
        return None, problem
    return str(run.mapping), None


async def _greet(target: Target, address: Address) -> NewServer:
    try:
        return await target.greet(address.url)
    except Problem as problem:
        if problem.code == ClientCode.UNREACHABLE:
            hint = f"{problem.message} Is the new Safelight running there? --to or SAFELIGHT_URL says where to look."
            raise Problem(problem.code, hint) from problem
        raise


@contextmanager
def _open_journal(run: Import, server: NewServer) -> Iterator[Journal]:
    old = f"{run.old.root} {run.account_name}".strip()
    move = Move(run.system, old, server.url, server.account_hash)
    if not run.is_dry:
        check_writable(run.mapping)
    with read_journal(run.journal, move) if run.is_dry else open_journal(run.journal, move) as journal:
        yield journal
