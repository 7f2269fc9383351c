"""`safelight adopt`: let this database and this store be one instance."""

import asyncio

import click

from app.adapters import make_store_ready, open_own_store
from app.commands.exits import exit_with
from app.commands.preparing import open_identity, open_migrated
from app.settings import Settings


@click.command()
@click.option("--new-id", is_flag=True, help="Both are copies of another instance, which goes on beside them.")
def adopt(new_id: bool) -> None:
    """Go on with this database and this store as one instance, whatever they said before.

    Servers refuse to start, and sweeps to delete, where the two do not belong together. After this, objects that the
    database does not name are orphans: look at `safelight audit` first. Stop the servers before, and start them after.
    """
    exit_with(lambda settings: asyncio.run(_adopt(settings, has_new_id=new_id)))


async def _adopt(settings: Settings, *, has_new_id: bool) -> int:
    store = open_own_store(settings)
    try:
        await make_store_ready(store)
    finally:
        await store.close()
    async with open_migrated(settings) as database, open_identity(settings, database) as identity:
        instance_id = await identity.adopt(has_new_id=has_new_id)
    click.echo(f"The database and the store are the instance {instance_id}.")
    return 0
