"""What comes before anything is served: can the parts be built, is the database as the code wants it?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.adapters import open_database, open_own_store
from app.container import check_parts, open_accounts
from app.db.engine import Database
from app.db.failures import DatabaseRefused
from app.db.migrating import NotMigrated, check_is_migrated, migrate
from app.errors import SafelightError
from app.services.upkeep.identity import IdentityService, Stranger
from app.settings import InvalidSettings, Settings
from app.supervisor.file_modes import close_to_others
from app.supervisor.ground import CannotStart, make_data_dir


async def prepare_to_run(settings: Settings) -> str | None:
    """Look whether the parts can be built before any process is started for them, then `prepare`.

    Raises:
        CannotStart: one of them cannot be used.
    """
    try:
        await check_parts(settings)
        key = await prepare(settings)
        await check_identity(settings)
        return key
    except (InvalidSettings, NotMigrated) as error:
        raise CannotStart(str(error)) from error


async def prepare(settings: Settings, *, target: str = "head") -> str | None:
    """Migrate, and make the first account; its API key where the server made one up just now.

    Raises:
        CannotStart: the database does not answer, or does not let us in.
        InvalidSettings: its address or the plans cannot be read; nothing was changed.
        NotMigrated: there is no such revision, or what is in the database is not of this release.
    """
    database = open_database(settings)
    make_data_dir(settings.data_dir)
    close_to_others(settings)
    try:
        # Reads the plans, which may be wrong: before anything is changed.
        accounts = open_accounts(settings, database)
        await migrate(database, target=target)
        if target != "head":
            return None
        wanted = settings.bootstrap_key.get_secret_value() if settings.bootstrap_key else None
        first = await accounts.create_first(bootstrap_key=wanted)
    except SafelightError as error:
        raise _cannot_use_database(settings, error) from error
    finally:
        await database.close()
    # The owner knows a key of his own choice; no log needs it.
    return first.secret if first is not None and wanted is None else None


def when_migrated(settings: Settings, serve: Callable[[Settings], int]) -> int:
    """Serve, if all is ready for it.

    Raises:
        InvalidSettings, CannotStart, NotMigrated: it is not.
    """
    if settings.secret is None:
        raise InvalidSettings("SAFELIGHT_SECRET: must be set; `safelight run` makes one by itself")
    asyncio.run(_check(settings))
    return serve(settings)


@asynccontextmanager
async def open_migrated(settings: Settings) -> AsyncIterator[Database]:
    """The database, found to be of the newest shape, until the context is left.

    Raises:
        InvalidSettings: its address is no database's.
        CannotStart: it is not there, does not answer, or does not let us in.
        NotMigrated: it is of another shape.
    """
    database = open_database(settings)
    try:
        _check_is_there(settings)
        try:
            await check_is_migrated(database)
        except SafelightError as error:
            raise _cannot_use_database(settings, error) from error
        yield database
    finally:
        await database.close()


async def check_identity(settings: Settings) -> None:
    """Return if the database and the store belong together; the first start makes them.

    Raises:
        CannotStart: they do not, or one of them does not answer.
        InvalidSettings, NotMigrated: one of them cannot be used.
    """
    async with open_migrated(settings) as database, open_identity(settings, database) as identity:
        try:
            await identity.check()
        except Stranger as error:
            raise CannotStart(str(error)) from error
        except SafelightError as error:
            raise CannotStart(error.message) from error


@asynccontextmanager
async def open_identity(settings: Settings, database: Database) -> AsyncIterator[IdentityService]:
    """What compares the database with the store, until the context is left."""
    store = open_own_store(settings)
    try:
        yield IdentityService(database, store)
    finally:
        await store.close()


async def _check(settings: Settings) -> None:
    async with open_migrated(settings):
        make_data_dir(settings.data_dir)
    close_to_others(settings)
    await check_parts(settings)
    await check_identity(settings)


def _check_is_there(settings: Settings) -> None:
    # SQLite would make an empty database at any place.
    path = settings.sqlite_path
    if path is None or path.exists():
        return
    raise CannotStart(
        f"There is no database in {path.parent}. Is {_setting_of_database(settings)} right? "
        "`safelight migrate` makes a new one."
    )


def _cannot_use_database(settings: Settings, error: SafelightError) -> CannotStart:
    advice = error.advice if isinstance(error, DatabaseRefused) else error.message
    return CannotStart(f"{_setting_of_database(settings)}: {advice}")


def _setting_of_database(settings: Settings) -> str:
    return "SAFELIGHT_DATABASE_URL" if settings.database_url else "SAFELIGHT_DATA_DIR"
