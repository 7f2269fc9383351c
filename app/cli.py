"""The command line: `safelight run`, its parts, and the tools beside them."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from app.administration import keys, users
from app.auditing import run_audit
from app.client.command import upload
from app.client.moving.command import import_
from app.container import check_parts, open_accounts
from app.db.engine import Database
from app.db.migrating import NotMigrated, check_is_migrated, migrate, write_migration
from app.errors import SafelightError
from app.graphql_api.schema import write_sdl
from app.serving import serve_api, serve_worker
from app.settings import InvalidSettings, Settings, load_settings
from app.supervisor.ground import CannotStart
from app.supervisor.run import run as run_supervisor


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Safelight: an image server that lets you watch your pictures develop."""


main.add_command(upload)
main.add_command(import_)
main.add_command(users)
main.add_command(keys)


@main.command()
def run() -> None:
    """Start everything: a private Redis, the API and a worker."""
    _exit_with(lambda settings: run_supervisor(settings, prepare_to_run, Console()))


@main.command()
def api() -> None:
    """Start the API alone."""
    _exit_with(lambda settings: _when_migrated(settings, serve_api))


@main.command()
def worker() -> None:
    """Start a worker alone."""
    _exit_with(lambda settings: _when_migrated(settings, serve_worker))


@main.command("migrate")
@click.option("--to", "target", default="head", help="A revision, `head` or `base`.")
def migrate_command(target: str) -> None:
    """Bring the database up to date, and make the first account where there is none."""

    def migrate_to(settings: Settings) -> int:
        key = asyncio.run(prepare(settings, target=target))
        if key is not None:
            click.echo(f"First account: admin\nAPI key, shown this once: {key}")
        return 0

    _exit_with(migrate_to)


@main.command()
@click.option("--check", is_flag=True, help="Only tell whether the file is up to date.")
@click.argument("path", default="schema.graphql", type=click.Path(path_type=Path))
def sdl(path: Path, check: bool) -> None:
    """Write the GraphQL schema to a file."""
    if not check:
        path.write_text(write_sdl())
    elif path.read_text() != write_sdl():
        raise click.ClickException(f"{path} is not what the code says: run `make sdl`.")


@main.command()
@click.argument("message")
def migration(message: str) -> None:
    """Draft the migration that leads from the database's shape to that of the tables; for developers."""

    async def draft(settings: Settings) -> None:
        database = Database(settings.sql_url)
        try:
            await migrate(database)
            async with database.write() as connection:
                await connection.run_sync(write_migration, message)
        finally:
            await database.close()

    def run_draft(settings: Settings) -> int:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        asyncio.run(draft(settings))
        return 0

    _exit_with(run_draft)


@main.command()
@click.option("--repair", is_flag=True, help="Make lost variants anew, delete what is nobody's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--at-once", is_flag=True, help="Count orphans and stuck work of any age: nothing may be under way.")
def audit(repair: bool, as_json: bool, at_once: bool) -> None:
    """Check every promise against the rows and the store; exit status 1 where one is broken."""
    _exit_with(lambda settings: run_audit(settings, repair=repair, as_json=as_json, at_once=at_once))


async def prepare_to_run(settings: Settings) -> str | None:
    """Look whether the parts can be built before any process is started for them, then `prepare`.

    Raises:
        CannotStart: one of them cannot be used.
    """
    try:
        await check_parts(settings)
    except InvalidSettings as error:
        raise CannotStart(str(error)) from error
    return await prepare(settings)


async def prepare(settings: Settings, *, target: str = "head") -> str | None:
    """Migrate, and make the first account; its API key where it was made just now.

    Raises:
        CannotStart: the database does not answer.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.sql_url)
    try:
        await migrate(database, target=target)
        if target != "head":
            return None
        accounts = open_accounts(settings, database)
        wanted = settings.bootstrap_key.get_secret_value() if settings.bootstrap_key else None
        first = await accounts.create_first(bootstrap_key=wanted)
    except SafelightError as error:
        raise CannotStart(f"SAFELIGHT_DATABASE_URL: {error.message}") from error
    finally:
        await database.close()
    return first.secret if first is not None else None


def _when_migrated(settings: Settings, serve: Callable[[Settings], int]) -> int:
    if settings.secret is None:
        raise InvalidSettings("SAFELIGHT_SECRET: must be set; `safelight run` makes one by itself")
    asyncio.run(_check(settings))
    return serve(settings)


async def _check(settings: Settings) -> None:
    database = Database(settings.sql_url)
    try:
        await check_is_migrated(database)
    except SafelightError as error:
        raise CannotStart(f"SAFELIGHT_DATABASE_URL: {error.message}") from error
    finally:
        await database.close()
    await check_parts(settings)


def _exit_with(action: Callable[[Settings], int]) -> None:
    try:
        sys.exit(action(load_settings()))
    except (InvalidSettings, CannotStart, NotMigrated) as error:
        click.echo(f"safelight: {error}", err=True)
    except SafelightError as error:
        click.echo(f"safelight: {error.message}", err=True)
    sys.exit(1)
