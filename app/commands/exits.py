"""How a command that needs the settings ends: with its status, or with one line that says why not."""

import sys
from collections.abc import Callable

import click

from app.db.migrating import NotMigrated
from app.errors import SafelightError
from app.settings import InvalidSettings, Settings, load_settings
from app.supervisor.file_modes import private_files
from app.supervisor.ground import CannotStart


def exit_with(action: Callable[[Settings], int]) -> None:
    """Do it, and end the process."""
    try:
        with private_files():
            sys.exit(action(load_settings()))
    except (InvalidSettings, CannotStart, NotMigrated) as error:
        click.echo(f"safelight: {error}", err=True)
    except SafelightError as error:
        click.echo(f"safelight: {error.message}", err=True)
    sys.exit(1)
