"""`safelight worker`: a worker alone."""

import click

from app.commands.exits import exit_with
from app.commands.preparing import when_migrated
from app.descriptors import raise_descriptor_limit
from app.serving.worker import serve_worker


@click.command()
def worker() -> None:
    """Start a worker alone."""
    raise_descriptor_limit()
    exit_with(lambda settings: when_migrated(settings, serve_worker))
