"""Variants that requests have made: uploads of which nothing is made yet, and a look at the rows."""

from typing import Any
from uuid import UUID

from app.db.on_demand import list_free
from app.db.records import VariantRecord
from app.ids import ImageId
from tests.support.client import Client
from tests.support.site import Site
from tests.support.site_rows import open_rows

ALLOW = "mutation ($may: Boolean!) { updatePreferences(input: {flexibleVariants: $may}) { viewer { id } } }"


async def upload(client: Client, content: bytes, **more: Any) -> str:
    """A ready image of which only the original is there."""
    session = await client.upload(content, processing={"profile": "ORIGINAL_ONLY"}, **more)
    await client.wait_complete(session.image_id)
    return session.image_id


async def free_of(site: Site, image_id: str) -> list[VariantRecord]:
    """The free transformations of an image."""
    async with open_rows(site) as database, database.read() as db:
        return await list_free(db, ImageId(UUID(image_id)))
