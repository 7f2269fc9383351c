"""`safelight worker`: a worker alone."""

import click

from app.commands.exits import exit_with
from app.commands.preparing import when_migrated
from app.serving.worker import serve_worker


@click.command()
def worker() -> None:
    """Start a worker alone."""
    exit_with(lambda settings: when_migrated(settings, serve_worker))
