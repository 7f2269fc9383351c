"""`safelight sdl`: the GraphQL schema as a file."""

from pathlib import Path

import click

from app.graphql_api.schema import write_sdl


@click.command()
@click.option("--check", is_flag=True, help="Only tell whether the file is up to date.")
@click.argument("path", default="schema.graphql", type=click.Path(path_type=Path))
def sdl(path: Path, check: bool) -> None:
    """Write the GraphQL schema to a file."""
    if not check:
        path.write_text(write_sdl())
    elif path.read_text() != write_sdl():
        raise click.ClickException(f"{path} is not what the code says: run `make sdl`.")
