"""`safelight run`: everything on one machine."""

import click
from rich.console import Console

from app.commands.exits import exit_with
from app.commands.preparing import prepare_to_run
from app.descriptors import raise_descriptor_limit
from app.supervisor.run import run as run_supervisor


@click.command()
def run() -> None:
    """Start everything: a private Redis, the API and a worker."""
    raise_descriptor_limit()
    exit_with(lambda settings: run_supervisor(settings, prepare_to_run, Console()))
