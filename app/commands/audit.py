"""`safelight audit`: run the checks and print a count for each."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

from app.adapters import open_own_store
from app.commands.exits import exit_with
from app.commands.preparing import open_migrated
from app.db.engine import Database
from app.services.upkeep.audit import MEANINGS, ORPHAN_AGE, STUCK_AGE, AuditReport, AuditService
from app.settings import Settings

_NOW = timedelta(0)


@click.command()
@click.option("--repair", is_flag=True, help="Render lost variants again, move objects without a row to trash/.")
@click.option("--orphans", is_flag=True, help="With --repair: move objects without a row, however many they are.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--at-once", is_flag=True, help="Count orphans and stuck work of any age: nothing may be under way.")
def audit(repair: bool, orphans: bool, as_json: bool, at_once: bool) -> None:
    """Check every promise against the rows and the store; exit status 1 where one is broken."""
    exit_with(lambda settings: _audit(settings, repair=repair, orphans=orphans, as_json=as_json, at_once=at_once))


def _audit(settings: Settings, *, repair: bool, orphans: bool, as_json: bool, at_once: bool) -> int:
    """The exit status: 1 where a promise was found broken, repaired or not."""
    report = asyncio.run(_run(settings, repair=repair, orphans=orphans, at_once=at_once))
    if report.refusal is not None:
        click.echo(report.refusal, err=True)
    if as_json:
        click.echo(json.dumps(_as_json(report)))
    else:
        Console().print(_as_table(report, repair=repair))
    return 0 if report.is_clean and report.refusal is None else 1


async def _run(settings: Settings, *, repair: bool, orphans: bool, at_once: bool) -> AuditReport:
    async with open_migrated(settings) as database, _open_audit(settings, database) as audit:
        return await audit.run(
            repair=repair,
            delete_all_orphans=orphans,
            orphan_age=_NOW if at_once else ORPHAN_AGE,
            stuck_age=_NOW if at_once else STUCK_AGE,
        )


@contextlib.asynccontextmanager
async def _open_audit(settings: Settings, database: Database) -> AsyncIterator[AuditService]:
    """The audit alone, which needs no Redis, until the context is left.

    Raises:
        InvalidSettings: the store cannot be used.
    """
    store = open_own_store(settings)
    try:
        yield AuditService(database, store, scratch_dir=settings.scratch_dir)
    finally:
        await store.close()


def _as_json(report: AuditReport) -> dict[str, object]:
    found = {promise.value: count for promise, count in report.broken.items()}
    repaired = {promise.value: count for promise, count in report.repaired.items()}
    return {"clean": report.is_clean, "broken": found, "repaired": repaired}


def _as_table(report: AuditReport, *, repair: bool) -> Table:
    table = Table("", "what must not be", "found", *(["repaired"] if repair else []))
    for promise, count in report.broken.items():
        repaired = [str(report.repaired[promise])] if repair else []
        table.add_row(promise.value, MEANINGS[promise], str(count), *repaired, style="red" if count else None)
    return table
