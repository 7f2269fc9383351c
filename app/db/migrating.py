"""Bring a database to the newest shape, or tell whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database
from app.db.tables import images

_MIGRATIONS = Path(__file__).parent / "migrations"
# Two processes that start at once must not migrate at once; the number has no meaning but being the same.
_POSTGRESQL_LOCK = 7_310_214_881


class NotMigrated(Exception):
    """The database is not of the shape that this release needs, or cannot be brought to the one that was asked for."""


async def migrate(database: Database, *, target: str = "head") -> None:
    """Bring the database to `target`: upwards, or downwards to an older revision or `base`.

    Raises:
        NotMigrated: there is no such revision, or the database has tables that are not of this release.
    """
    _check_target(target)
    async with database.write() as connection:
        await _lock(connection, is_sqlite=database.is_sqlite)
        await connection.run_sync(_run, target)


async def is_downgrade(database: Database, target: str) -> bool:
    """Would `migrate` to this target take tables or columns away?

    Raises:
        NotMigrated: there is no such revision.
    """
    _check_target(target)
    async with database.read() as connection:
        current = await connection.run_sync(_current_revision)
    return current is not None and target != current and _is_down(target, current)


async def check_is_migrated(database: Database) -> None:
    """Return if the database is of the newest shape.

    Raises:
        NotMigrated: it is not.
    """
    async with database.read() as connection:
        current = await connection.run_sync(_current_revision)
    _check_known(current)
    if current != newest_revision():
        raise NotMigrated("The database is not up to date: run `safelight migrate`.")


def newest_revision() -> str | None:
    """The revision that this release needs."""
    return _scripts().get_current_head()


def write_migration(connection: Connection, message: str) -> None:
    """Write the migration that leads from the database's shape to that of the tables; for developers."""
    command.revision(_config(connection), message=message, autogenerate=True)


def _run(connection: Connection, target: str) -> None:
    current = _current_revision(connection)
    if current is None:
        _check_is_empty(connection)
    _check_known(current)
    (command.downgrade if _is_down(target, current) else command.upgrade)(_config(connection), target)


def _is_down(target: str, current: str | None) -> bool:
    return target == "base" or (target != "head" and target in _revisions_up_to(current))


def _check_target(target: str) -> None:
    known = _revisions_up_to("head")
    if target not in {"head", "base", *known}:
        raise NotMigrated(
            f"There is no revision {target[:64]!r}; there are base, {', '.join(reversed(known))} and head."
        )


def _check_known(current: str | None) -> None:
    if current is not None and current not in _revisions_up_to("head"):
        raise NotMigrated(
            f"The database is of a newer release, or of another program (revision {current}; this one knows up to "
            f"{newest_revision()}): install that release, or let SAFELIGHT_DATABASE_URL or SAFELIGHT_DATA_DIR name "
            "another database."
        )


def _check_is_empty(connection: Connection) -> None:
    taken = sorted(set(inspect(connection).get_table_names()) & set(images.metadata.tables))
    if taken:
        raise NotMigrated(
            f"Another program's tables are in this database ({', '.join(taken[:3])}): "
            "let SAFELIGHT_DATABASE_URL name a database of our own."
        )


def _current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _revisions_up_to(revision: str | None) -> list[str]:
    """Newest first."""
    return [script.revision for script in _scripts().iterate_revisions(revision or "base", "base")]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))


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
