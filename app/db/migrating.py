"""Bring a database to the newest shape, or tell whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
# Two processes that start at once must not migrate at once; the number has no meaning but being the same.
_POSTGRESQL_LOCK = 7_310_214_881


class NotMigrated(Exception):
    """The database is not of the shape that this release needs."""


async def migrate(database: Database, *, target: str = "head") -> None:
    """Bring the database to `target`: upwards, or downwards to an older revision or `base`."""
    async with database.write() as connection:
        await _lock(connection, is_sqlite=database.is_sqlite)
        await connection.run_sync(_run, target)


async def check_is_migrated(database: Database) -> None:
    """Return if the database is of the newest shape.

    Raises:
        NotMigrated: it is not.
    """
    async with database.read() as connection:
        current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    if current != newest_revision():
        raise NotMigrated("The database is not up to date: run `safelight migrate`.")


def newest_revision() -> str | None:
    """The revision that this release needs."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def write_migration(connection: Connection, message: str) -> None:
    """Write the migration that leads from the database's shape to that of the tables; for developers."""
    command.revision(_config(connection), message=message, autogenerate=True)


def _run(connection: Connection, target: str) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory(str(_MIGRATIONS))
    is_down = target == "base" or (
        current is not None
        and target != "head"
        and target in {script.revision for script in scripts.iterate_revisions(current, "base")}
    )
    (command.downgrade if is_down else command.upgrade)(_config(connection), target)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def _lock(connection: AsyncConnection, *, is_sqlite: bool) -> None:
    # SQLite's write lock is held by the transaction already.
    if not is_sqlite:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
