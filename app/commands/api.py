"""`safelight api`: the API alone."""

import click

from app.commands.exits import exit_with
from app.commands.preparing import when_migrated
from app.descriptors import raise_descriptor_limit
from app.serving.api import serve_api


@click.command()
def api() -> None:
    """Start the API alone."""
    raise_descriptor_limit()
    exit_with(lambda settings: when_migrated(settings, serve_api))
