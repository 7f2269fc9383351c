"""The command line: `safelight run`, its parts, and the tools beside them."""

import logging
from importlib import import_module

import click

from app import __version__
from app.collector import collect_seldom

_COMMANDS = {
    "run": "app.commands.run:run",
    "api": "app.commands.api:api",
    "worker": "app.commands.worker:worker",
    "upload": "app.client.command:upload",
    "import": "app.client.moving.command:import_",
    "users": "app.commands.accounts:users",
    "keys": "app.commands.accounts:keys",
    "audit": "app.commands.audit:audit",
    "adopt": "app.commands.adopt:adopt",
    "migrate": "app.commands.database:migrate",
    "migration": "app.commands.database:migration",
    "sdl": "app.commands.sdl:sdl",
}
"""Where each command is. Only the one that is called is imported: a client of a far server needs none of the server."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, those first that everybody needs."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in _COMMANDS:
            return None
        collect_seldom()
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="safelight")
def main() -> None:
    """Safelight: an image server that lets you watch your pictures develop."""
    # Until a server sets up its log, a command's own line says why it ended.
    logging.getLogger("app").addHandler(logging.NullHandler())
