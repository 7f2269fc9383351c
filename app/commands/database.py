"""`safelight migrate` and, for developers, `safelight migration`."""

import asyncio

import click

from app.adapters import open_database
from app.commands.exits import exit_with
from app.commands.preparing import prepare
from app.db.migrating import migrate as migrate_database
from app.db.migrating import write_migration
from app.settings import Settings
from app.supervisor.ground import make_data_dir


@click.command()
@click.option("--to", "target", default="head", help="A revision, `head` or `base`.")
def migrate(target: str) -> None:
    """Bring the database up to date, and make the first account where there is none."""

    def migrate_to(settings: Settings) -> int:
        key = asyncio.run(prepare(settings, target=target))
        if key is not None:
            click.echo(f"First account: admin\nAPI key, shown this once: {key}")
        return 0

    exit_with(migrate_to)


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
