"""What comes before anything is served: can the parts be built, is the database as the code wants it?"""

import asyncio
from collections.abc import Callable

from app.container import check_parts, open_accounts
from app.db.engine import Database
from app.db.migrating import check_is_migrated, migrate
from app.errors import SafelightError
from app.settings import InvalidSettings, Settings
from app.supervisor.ground import CannotStart, make_data_dir


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
        InvalidSettings: the plans cannot be read; nothing was changed.
    """
    make_data_dir(settings.data_dir)
    database = Database(settings.sql_url)
    try:
        # Reads the plans, which may be wrong: before anything is changed.
        accounts = open_accounts(settings, database)
        await migrate(database, target=target)
        if target != "head":
            return None
        wanted = settings.bootstrap_key.get_secret_value() if settings.bootstrap_key else None
        first = await accounts.create_first(bootstrap_key=wanted)
    except SafelightError as error:
        raise CannotStart(f"SAFELIGHT_DATABASE_URL: {error.message}") from error
    finally:
        await database.close()
    return first.secret if first is not None else None


def when_migrated(settings: Settings, serve: Callable[[Settings], int]) -> int:
    """Serve, if all is ready for it.

    Raises:
        InvalidSettings, CannotStart, NotMigrated: it is not.
    """
    if settings.secret is None:
        raise InvalidSettings("SAFELIGHT_SECRET: must be set; `safelight run` makes one by itself")
    asyncio.run(_check(settings))
    return serve(settings)


async def _check(settings: Settings) -> None:
    check_has_database(settings)
    database = Database(settings.sql_url)
    try:
        await check_is_migrated(database)
    except SafelightError as error:
        raise CannotStart(f"SAFELIGHT_DATABASE_URL: {error.message}") from error
    finally:
        await database.close()
    make_data_dir(settings.data_dir)
    await check_parts(settings)


def check_has_database(settings: Settings) -> None:
    """Return if the database's file is there, or it is a server: SQLite would make an empty one at any place.

    Raises:
        CannotStart: it is not there.
    """
    path = settings.sqlite_path
    if path is None or path.exists():
        return
    setting = "SAFELIGHT_DATABASE_URL" if settings.database_url else "SAFELIGHT_DATA_DIR"
    raise CannotStart(
        f"There is no database in {path.parent}. Is {setting} right? `safelight migrate` makes a new one."
    )
