"""`safelight migrate` and, for developers, `safelight migration`."""

import asyncio
import sys

import click

from app.adapters import open_database
from app.commands.exits import exit_with
from app.commands.preparing import prepare
from app.db.migrating import is_downgrade, write_migration
from app.db.migrating import migrate as migrate_database
from app.settings import Settings
from app.supervisor.ground import CannotStart, make_data_dir


@click.command()
@click.option("--to", "target", default="head", help="A revision, `head` or `base`.")
@click.option("--yes", "is_sure", is_flag=True, help="Go back to an older revision without a question.")
def migrate(target: str, is_sure: bool) -> None:
    """Bring the database up to date, and make the first account where there is none."""

    def migrate_to(settings: Settings) -> int:
        if not is_sure and asyncio.run(_goes_back(settings, target)):
            _ask_whether_sure(target)
        key = asyncio.run(prepare(settings, target=target))
        if key is not None:
            click.echo(f"First account: admin\nAPI key, shown this once: {key}")
        return 0

    exit_with(migrate_to)


async def _goes_back(settings: Settings, target: str) -> bool:
    if target == "head" or (settings.sqlite_path is not None and not settings.sqlite_path.exists()):
        return False
    database = open_database(settings)
    try:
        return await is_downgrade(database, target)
    finally:
        await database.close()


def _ask_whether_sure(target: str) -> None:
    """Ask a person; refuse where none is there.

    Raises:
        CannotStart: the answer is no, or standard input is no terminal.
    """
    lost = "every table and all that is in it" if target == "base" else "what later revisions added"
    problem = f"Going back to {target} deletes {lost} from the database"
    if not sys.stdin.isatty():
        raise CannotStart(f"{problem}. Back it up, and repeat the command with --yes.")
    if not click.confirm(f"{problem}. Go on?"):
        raise CannotStart("Nothing was changed.")


@click.command()
@click.argument("message")
def migration(message: str) -> None:
    """Draft the migration that leads from the database's shape to that of the tables; for developers."""

    async def draft(settings: Settings) -> None:
        database = open_database(settings)
        try:
            await migrate_database(database)
            async with database.write() as connection:
                await connection.run_sync(write_migration, message)
        finally:
            await database.close()

    def run_draft(settings: Settings) -> int:
        make_data_dir(settings.data_dir)
        asyncio.run(draft(settings))
        return 0

    exit_with(run_draft)
